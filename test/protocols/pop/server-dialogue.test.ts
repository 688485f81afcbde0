/* oxlint-disable vitest/expect-expect -- the transcripts assert, in play-transcript */
import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { popProtocol } from '../../../src/protocols/pop/pop-protocol.js';
import type {
  ClientOrigin,
  LoginFailure,
  ServerDialogue,
  ServerDialogueOptions,
  ServerStep,
} from '../../../src/protocols/sasl/login-protocol.js';
import { playServer } from '../sasl/play-transcript.js';
import { serverDefaults } from './dialogue-options.js';

const credentials = { kind: 'password', user: 'ann', authorizationId: '', password: 'secret' } as const;
const annSecret = 'AGFubgBzZWNyZXQ=';

function pop(options: Partial<ServerDialogueOptions> = {}): () => ServerDialogue {
  return () => popProtocol.createServerDialogue({ ...serverDefaults, credentials, ...options });
}

function accepted(text: string, pending = ''): ServerStep {
  return { kind: 'accepted', text, untagged: Buffer.alloc(0), pending: Buffer.from(pending) };
}

function refused(failure: LoginFailure): ServerStep {
  return { kind: 'refused', failure };
}

const origin: ClientOrigin = {
  address: '192.0.2.7',
  port: 40_001,
  localAddress: '192.0.2.1',
  localPort: 995,
  sessionId: 's1',
  proxyTtl: 4,
};

/** CAPA and its answer. */
function capa(...names: string[]): string[] {
  return ['C: CAPA', 'S: +OK', ...names.map((name) => `S: ${name}`), 'S: .'];
}

const greeting = 'S: +OK Dovecot (Debian) ready.';
const dovecot = capa(
  'CAPA',
  'TOP',
  'UIDL',
  'RESP-CODES',
  'PIPELINING',
  'AUTH-RESP-CODE',
  'STLS',
  'USER',
  'SASL PLAIN LOGIN',
);

describe('login', () => {
  it('at Dovecot: AUTH PLAIN with an initial response', () => {
    playServer(
      pop(),
      [greeting, ...dovecot, `C: AUTH PLAIN ${annSecret}`, 'S: +OK Logged in.'],
      accepted('Logged in.'),
    );
  });

  it('with bytes behind the +OK', () => {
    playServer(
      pop(),
      [greeting, ...dovecot, `C: AUTH PLAIN ${annSecret}`, 'S: +OK Logged in.', 'S| +OK 2'],
      accepted('Logged in.', '+OK 2'),
      ['whole'],
    );
  });

  it('AUTH PLAIN with a challenge where the response is too long for the line', () => {
    const password = 'p'.repeat(200);
    const response = Buffer.from(`boss\0ann\0${password}`).toString('base64');
    playServer(
      pop({ credentials: { kind: 'password', user: 'ann', authorizationId: 'boss', password } }),
      [greeting, ...dovecot, 'C: AUTH PLAIN', 'S: + ', `C: ${response}`, 'S: +OK'],
      accepted(''),
    );
  });

  it('USER and PASS where there is no SASL PLAIN, or no CAPA', () => {
    const login = ['C: USER ann', 'S: +OK', 'C: PASS secret', 'S: +OK in'];
    playServer(pop(), [greeting, ...capa('USER', 'SASL CRAM-MD5'), ...login], accepted('in'));
    playServer(pop(), [greeting, 'C: CAPA', 'S: -ERR unknown', ...login], accepted('in'));
  });

  it.each<[string, readonly string[], ClientOrigin | null, string[]]>([
    ['offered in CAPA', ['XCLIENT', 'USER'], origin, ['C: XCLIENT ADDR=192.0.2.7 PORT=40001 SESSION=s1 TTL=4']],
    ['not offered', ['USER'], origin, []],
    ['nobody to be told', ['XCLIENT', 'USER'], null, []],
    [
      'an IPv6 address',
      ['XCLIENT'],
      { ...origin, address: '2001:db8::7' },
      ['C: XCLIENT ADDR=2001:db8::7 PORT=40001 SESSION=s1 TTL=4'],
    ],
    ['an address with a zone', ['XCLIENT'], { ...origin, address: 'fe80::1%eth0' }, ['C: XCLIENT SESSION=s1 TTL=4']],
    [
      'words that would be a command',
      ['XCLIENT'],
      { ...origin, address: '1\r\nDELE 1', sessionId: 'a b\r\n' },
      ['C: XCLIENT TTL=4'],
    ],
  ])('XCLIENT: %s', (_, names, client, xclient) => {
    const answer = xclient.map(() => 'S: -ERR no');
    const login = [`C: AUTH PLAIN ${annSecret}`, 'S: +OK in'];
    playServer(
      pop({ client }),
      [greeting, ...capa(...names, 'SASL PLAIN'), ...xclient, ...answer, ...login],
      accepted('in'),
    );
  });
});

describe('TLS', () => {
  it.each(['starttls', 'opportunistic'] as const)('%s: STLS before the login, capabilities asked again', (tls) => {
    playServer(
      pop({ tls }),
      [
        greeting,
        ...dovecot,
        'C: STLS',
        'S: +OK Begin',
        '-> start-tls',
        'TLS is up',
        ...capa('USER'),
        'C: USER ann',
        'S: +OK',
        'C: PASS secret',
        'S: +OK in',
      ],
      accepted('in'),
    );
  });

  it.each(['starttls', 'opportunistic'] as const)('%s and not offered, or refused: no password is sent', (tls) => {
    const noStls = refused({ kind: 'remote-configuration', detail: 'the server does not offer STLS' });
    playServer(pop({ tls }), [greeting, ...capa('USER')], noStls);
    playServer(pop({ tls }), [greeting, 'C: CAPA', 'S: -ERR'], noStls);
    playServer(
      pop({ tls }),
      [greeting, ...dovecot, 'C: STLS', 'S: -ERR no'],
      refused({ kind: 'remote-configuration', detail: 'the server refused STLS' }),
    );
  });

  it('plain bytes behind the answer to STLS are a failure', () => {
    playServer(
      pop({ tls: 'starttls' }),
      [greeting, ...dovecot, 'C: STLS', 'S: +OK Begin', 'S: +OK'],
      refused({ kind: 'protocol', detail: 'the server sent plain bytes behind the answer to STLS in state stls' }),
      ['whole'],
    );
    const dialogue = pop({ tls: 'starttls' })();
    dialogue.receive(Buffer.from('+OK\r\n+OK\r\nSTLS\r\n.\r\n+OK\r\n'));
    expect(dialogue.receive(Buffer.from('+OK\r\n')).step).toEqual(
      refused({
        kind: 'protocol',
        detail: 'the server sent plain bytes instead of a TLS handshake in state handshake',
      }),
    );
  });
});

describe('refusals', () => {
  it.each<[string, LoginFailure]>([
    ['-ERR [AUTH] Authentication failed.', { kind: 'authentication', code: 'AUTH', text: 'Authentication failed.' }],
    ['-ERR [SYS/TEMP] Later.', { kind: 'authentication-temporary', code: 'SYS/TEMP', text: 'Later.' }],
    ['-ERR [SYS/PERM] Locked.', { kind: 'authentication', code: 'SYS/PERM', text: 'Locked.' }],
    ['-ERR [in-use] Busy.', { kind: 'limit', code: 'IN-USE', text: 'Busy.' }],
    ['-ERR [LOGIN-DELAY] Wait.', { kind: 'limit', code: 'LOGIN-DELAY', text: 'Wait.' }],
    ['-ERR no mailbox', { kind: 'authentication' }],
    ['-ERR', { kind: 'authentication' }],
  ])('%s', (answer, failure) => {
    const words = answer.slice(5);
    playServer(
      pop(),
      [greeting, ...capa('USER'), 'C: USER ann', 'S: +OK', 'C: PASS secret', `S: ${answer}`],
      refused({ ...failure, detail: `the server answered the login with -ERR ${words}` }),
    );
  });

  it('words that repeat the password reach neither the log nor the client', () => {
    playServer(
      pop(),
      [greeting, ...capa('USER'), 'C: USER ann', 'S: +OK', 'C: PASS secret', 'S: -ERR [X] PASS secret?'],
      refused({
        kind: 'authentication',
        code: 'X',
        text: '(words that repeat the password)',
        detail: 'the server answered the login with -ERR (words that repeat the password)',
      }),
    );
  });

  it.each<[string, string[], LoginFailure]>([
    [
      '-ERR as greeting',
      ['S: -ERR [SYS/TEMP] busy'],
      { kind: 'remote', detail: 'the server greeted with -ERR [SYS/TEMP] busy' },
    ],
    [
      'another protocol',
      ['S: * OK IMAP ready'],
      { kind: 'protocol', detail: 'the server sent a line that is no POP reply in state greeting' },
    ],
    [
      'a continuation as greeting',
      ['S: + '],
      { kind: 'protocol', detail: 'the server sent a continuation nobody asked for in state greeting' },
    ],
    [
      'NUL in a capability',
      ['S: +OK', 'C: CAPA', 'S: +OK', 'S: \0'],
      { kind: 'protocol', detail: 'the server sent a line that is no capability in state capa-list' },
    ],
    [
      'no way to log in',
      ['S: +OK', ...capa('SASL')],
      { kind: 'remote-configuration', detail: 'the server does not offer AUTH PLAIN or LOGIN' },
    ],
    [
      'an endless list',
      ['S: +OK', 'C: CAPA', 'S: +OK', ...Array.from({ length: 200 }, () => 'S: X')],
      { kind: 'protocol', detail: 'the server sent too many lines in state capa-list' },
    ],
    [
      'a line too long',
      [`S| +OK ${'x'.repeat(70_000)}`],
      { kind: 'protocol', detail: 'the server sent a line that is too long in state greeting' },
    ],
    [
      '+OK before the password',
      ['S: +OK', ...capa('SASL PLAIN'), `C: AUTH PLAIN ${annSecret}`, 'S: + '],
      { kind: 'protocol', detail: 'the server sent an answer out of turn in state login' },
    ],
  ])('%s', (_, transcript, failure) => {
    playServer(pop(), transcript, refused(failure));
  });

  it('credentials that no server may see, and an identity that USER cannot carry', () => {
    playServer(
      pop({ credentials: { ...credentials, user: 'ann\r\nDELE 1' } }),
      [greeting, ...capa('USER')],
      refused({
        kind: 'internal',
        detail: 'credentials that no server may see: The user name has control characters.',
      }),
    );
    playServer(
      pop({ credentials: { ...credentials, authorizationId: 'boss' } }),
      [greeting, ...capa('USER')],
      refused({
        kind: 'remote-configuration',
        detail: 'the server offers no SASL PLAIN, which an authorization identity needs',
      }),
    );
  });

  it('a lost connection says where it was', () => {
    const dialogue = pop()();
    dialogue.receive(Buffer.from('+OK\r\n'));
    expect(dialogue.closed()).toEqual({
      kind: 'remote',
      detail: 'the server closed the connection or was too slow in state capa',
    });
  });
});

describe('properties', () => {
  const line = fc.oneof(
    fc.constantFrom('+OK', '-ERR', '-ERR [AUTH] no', '.', 'STLS', 'USER', 'SASL PLAIN', '+ '),
    fc.string({ maxLength: 10 }),
  );
  const input = fc
    .array(line, { maxLength: 12 })
    .map((lines) => Buffer.from(lines.map((text) => `${text}\r\n`).join('')));

  it('any chunking gives the same output and the same end', () => {
    fc.assert(
      fc.property(input, fc.integer({ min: 1, max: 30 }), (bytes, size) => {
        const run = (chunkSize: number): unknown[] => {
          const dialogue = pop()();
          let output = '';
          for (let start = 0; start < bytes.length; start += chunkSize) {
            const result = dialogue.receive(bytes.subarray(start, start + chunkSize));
            output += result.output.toString();
            if (result.step.kind !== 'read') return [output, { ...result.step, pending: undefined }];
          }
          return [output, dialogue.stateName];
        };
        expect(run(size)).toEqual(run(bytes.length + 1));
      }),
      { numRuns: 300 },
    );
  });

  it.each<[string, string]>([
    ['greeting', ''],
    ['capa', '+OK\r\n'],
    ['capa-list', '+OK\r\n+OK\r\n'],
    ['login', '+OK\r\n+OK\r\nUSER\r\n.\r\n'],
    ['over', '-ERR\r\n'],
  ])('random bytes in state %s give a step', (state, before) => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), input), (bytes) => {
        const dialogue = pop()();
        dialogue.receive(Buffer.from(before));
        expect(dialogue.stateName).toBe(state);
        const { step } = dialogue.receive(Buffer.from(bytes));
        expect(['read', 'accepted', 'refused']).toContain(step.kind);
        expect(dialogue.heldBytes).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });

  it('no credentials leave before TLS unless none is wanted, whatever the server says', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 10 }), fc.constantFrom('starttls', 'opportunistic'), (lines, tls) => {
        const dialogue = pop({ tls })();
        const said = lines.map((text) => dialogue.receive(Buffer.from(`${text}\r\n`)).output.toString()).join('');
        expect(said).not.toMatch(/USER|PASS|AUTH|XCLIENT/);
      }),
      { numRuns: 300 },
    );
  });

  it('nobody is logged in before the credentials were sent', () => {
    const answer = fc.constantFrom('+OK', '+OK', '+ ', '+ VXNlcm5hbWU6', '-ERR');
    const mechanism = fc.constantFrom('SASL PLAIN', 'SASL LOGIN', 'USER');
    const password = 'p'.repeat(250);
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 6 }), mechanism, (answers, capability) => {
        const dialogue = pop({ credentials: { ...credentials, password } })();
        dialogue.receive(Buffer.from(`+OK\r\n+OK\r\n${capability}\r\n.\r\n`));
        let said = '';
        for (const text of answers) {
          const { output, step } = dialogue.receive(Buffer.from(`${text}\r\n`));
          said += output.toString();
          if (step.kind === 'accepted') expect(said).toMatch(/p{250}|cHBwcHBw/);
          if (step.kind !== 'read') break;
        }
      }),
      { numRuns: 300 },
    );
  });
});
