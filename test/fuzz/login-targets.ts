import { Buffer } from 'node:buffer';
import { imapProtocol } from '../../src/protocols/imap/imap-protocol.js';
import { popProtocol } from '../../src/protocols/pop/pop-protocol.js';
import { responseLengthMax } from '../../src/protocols/sasl/base64.js';
import type { LoginCredentials, SaslMechanism } from '../../src/protocols/sasl/login-credentials.js';
import type {
  ClientDialogue,
  ClientResult,
  LoginFailureKind,
  LoginProtocol,
  ServerDialogue,
  ServerResult,
} from '../../src/protocols/sasl/login-protocol.js';
import { readCorpus } from './corpus.js';
import { Balance, type FuzzTarget, promise } from './fuzz-target.js';
import type { Random } from './random.js';

const words = {
  imap: [
    'a1 LOGIN ann secret\r\n',
    'a LOGIN {3+}\r\nann {6+}\r\nsecret\r\n',
    'a2 STARTTLS\r\n',
    'a AUTHENTICATE PLAIN\r\n',
    'a AUTHENTICATE OAUTHBEARER ',
    'a ID ("x-proxy-ttl" "3")\r\n',
    'a LOGOUT\r\n',
    'a CAPABILITY\r\n'.repeat(3000),
    'u1 OK ',
    'u2 NO [UNAVAILABLE] ',
    '* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR ID\r\n',
    '* BYE ',
    '* PREAUTH ',
    '+ \r\n',
  ],
  pop: [
    'USER ann\r\nPASS secret\r\n',
    'STLS\r\n',
    'CAPA\r\n',
    'CAPA\r\n'.repeat(3000),
    'AUTH PLAIN\r\n',
    'AUTH XOAUTH2 ',
    'XCLIENT TTL=3\r\n',
    'QUIT\r\n',
    '+OK\r\n',
    '-ERR [SYS/TEMP] ',
    'SASL PLAIN\r\n.\r\n',
    '.\r\n',
    '+ \r\n',
  ],
} as const;

// Two hundred answers to commands at once, of the longest kind.
const outputLengthMax = 64 * 1024;
const nothing: Buffer = Buffer.alloc(0);
const mechanisms: readonly SaslMechanism[] = ['PLAIN', 'LOGIN', 'XOAUTH2', 'OAUTHBEARER'];
const failures: readonly LoginFailureKind[] = [
  'connect',
  'internal',
  'configuration',
  'remote',
  'remote-configuration',
  'protocol',
  'authentication',
  'authentication-temporary',
  'limit',
  'moving',
  'out-of-service',
];
const credentials: readonly LoginCredentials[] = [
  { kind: 'password', user: 'ann', authorizationId: '', password: 'secret' },
  { kind: 'password', user: 'j\u00f6rg "x" \\', authorizationId: 'bob', password: 'se"c\\ret' },
  { kind: 'token', mechanism: 'XOAUTH2', user: 'ann', message: 'user=ann\u0001auth=Bearer t0ken\u0001\u0001' },
  { kind: 'token', mechanism: 'OAUTHBEARER', user: '', message: 'n,,\u0001auth=Bearer t0ken\u0001\u0001' },
];

function createClient(protocol: LoginProtocol, random: Random) {
  const commandSizeMax = random.pick([100, 512, 10_240]);
  const dialogue = protocol.createClientDialogue({
    serverName: 'mail.contoso.com',
    tlsActive: random.oneIn(3),
    starttls: random.int(4) > 0,
    plaintextLogin: random.int(3) > 0,
    commandSizeMax,
    badCommandsMax: random.pick([1, 10, 1000]),
    mechanisms: random.oneIn(4) ? random.some(mechanisms) : mechanisms,
    serverCapabilities: random.oneIn(3) ? ['IDLE', 'UIDPLUS', 'TOP', 'UIDL'] : null,
  });
  return { dialogue, commandSizeMax };
}

/** Plays a client: what it says is what the fuzzer made, what the driver does is chance. */
function playClient(
  protocol: LoginProtocol,
  chunks: readonly Buffer[],
  random: Random,
  seen: (step: string) => void,
): void {
  const { dialogue, commandSizeMax } = createClient(protocol, random);
  const balance = new Balance(100);
  // Behind a login may stand the rest of its chunk.
  let chunkMax = 0;
  const check = (result: ClientResult, chunk = nothing): ClientResult => {
    seen(result.step.kind);
    balance.give(result.output);
    promise(result.output.length <= outputLengthMax, `${result.output.length} bytes of output at once`);
    chunkMax = Math.max(chunkMax, chunk.length);
    const heldMax = Math.max(commandSizeMax, responseLengthMax) + chunkMax;
    promise(dialogue.heldBytes <= heldMax, `${dialogue.heldBytes} bytes held of ${heldMax}`);
    promise(Buffer.isBuffer(dialogue.timedOut()), 'words for a client that is too slow');
    return result;
  };
  let { step } = check(dialogue.greet());
  const isSlow = random.oneIn(4);
  for (const chunk of chunks) {
    if (step.kind === 'login' && (isSlow ? random.oneIn(100) : random.int(3) > 0)) {
      if (random.oneIn(8)) return accept(dialogue, balance, random, seen);
      step = check(dialogue.loginRefused({ kind: random.pick(failures), text: 'said\r\nso' })).step;
    } else if (step.kind === 'start-tls' && random.int(3) > 0) {
      step = check(dialogue.tlsStarted()).step;
    }
    const isPending = step.kind === 'login';
    const heldBefore = dialogue.heldBytes;
    const next = check(dialogue.receive(balance.take(chunk)), chunk).step;
    const isKept = dialogue.heldBytes <= Math.max(commandSizeMax, heldBefore);
    promise(!isPending || isKept, `${dialogue.heldBytes} bytes held behind a login`);
    promise(step.kind !== 'close' || next.kind === 'close', `"${next.kind}" after "close"`);
    promise(step.kind !== 'start-tls' || next.kind === 'close', `"${next.kind}" after plain bytes in a handshake`);
    if (!isPending || next.kind === 'close') step = next;
  }
}

function accept(dialogue: ClientDialogue, balance: Balance, random: Random, seen: (step: string) => void): void {
  seen('accepted');
  const text = random.pick(['', 'Logged in', 'a\r\nb']);
  const untagged = Buffer.from(random.pick(['', '* CAPABILITY IMAP4rev1\r\n']));
  const { output, pending } = dialogue.loginAccepted(text, untagged);
  balance.give(output);
  balance.give(pending);
  promise(!/\r|\n/.test(output.subarray(untagged.length, -2).toString('latin1')), 'one line for the accepted login');
}

// A capability list and what comes with the login are kept whole up to this.
const serverHeldMax = 128 * 1024;

/** Plays a server in the same way. */
function playServer(
  protocol: LoginProtocol,
  chunks: readonly Buffer[],
  random: Random,
  seen: (step: string) => void,
): void {
  const dialogue = protocol.createServerDialogue({
    credentials: random.pick(credentials),
    auth: random.oneIn(4) ? random.pick(mechanisms) : null,
    tls: random.pick(['none', 'none', 'starttls', 'opportunistic', 'implicit']),
    client: random.oneIn(2)
      ? {
          address: random.pick(['192.0.2.7', '2001:db8::7']),
          port: 40_001,
          localAddress: '192.0.2.1',
          localPort: 993,
          sessionId: 's1',
          proxyTtl: 4,
        }
      : null,
  });
  const balance = new Balance(100);
  const check = (result: ServerResult): ServerResult['step'] => {
    seen(result.step.kind);
    seen(`state ${dialogue.stateName}`);
    balance.give(result.output);
    promise(dialogue.heldBytes <= serverHeldMax, `${dialogue.heldBytes} bytes held`);
    return result.step;
  };
  for (const chunk of chunks) {
    let step = check(dialogue.receive(balance.take(chunk)));
    if (step.kind === 'start-tls' && random.int(4) > 0) step = check(dialogue.tlsStarted());
    if (step.kind === 'accepted') balance.give(Buffer.concat([step.untagged, step.pending]));
    if (step.kind === 'accepted' || step.kind === 'refused') break;
  }
  playEnd(dialogue);
}

function playEnd(dialogue: ServerDialogue): void {
  const { kind } = dialogue.closed();
  promise(failures.includes(kind), `"${kind}" is a kind of failure`);
}

const clientSteps = ['read', 'start-tls', 'login', 'close', 'accepted'];
const serverSteps = ['read', 'start-tls', 'accepted', 'refused', 'state over'];

/** IMAP and POP, towards clients and towards servers. */
export const loginTargets: readonly FuzzTarget[] = ([imapProtocol, popProtocol] as const).flatMap((protocol) => {
  const { name } = protocol;
  const common = { group: name, words: words[name] };
  const folders = [`protocols/${name}/transcripts`, `fuzz/corpus/${name}`];
  return [
    {
      ...common,
      name: `${name} client`,
      corpus: readCorpus('C', ...folders),
      steps: clientSteps,
      play: (chunks, random, seen) => playClient(protocol, chunks, random, seen),
    },
    {
      ...common,
      name: `${name} server`,
      corpus: readCorpus('S', ...folders),
      steps: serverSteps,
      play: (chunks, random, seen) => playServer(protocol, chunks, random, seen),
    },
  ] satisfies FuzzTarget[];
});
