import type { Envelope, EnvelopeRecipient } from '../../src/protocols/smtp/envelope.js';
import { SmtpServerDialogue } from '../../src/protocols/smtp/server-dialogue.js';
import type { ServerStep, ServerTurn } from '../../src/protocols/smtp/server-step.js';
import { readCorpus } from './corpus.js';
import { Balance, type FuzzTarget, promise } from './fuzz-target.js';
import type { Random } from './random.js';

const addresses = ['bob@contoso.com', 'j\u00f6rg@contoso.com', '"a b"@contoso.com', 'x@y>\r\nRSET'];

function recipients(random: Random): EnvelopeRecipient[] {
  return Array.from({ length: 1 + random.int(4) }, () => ({
    address: random.pick(addresses),
    notify: random.pick([null, 'NEVER', 'bad value']),
    orcpt: random.pick([null, 'rfc822;bob@contoso.com']),
  }));
}

function envelope(random: Random): Envelope {
  return {
    from: random.pick(['', 'ann@contoso.com', ...addresses]),
    to: recipients(random),
    ...(random.oneIn(2) && { size: random.pick([0, 1000, 1e12]) }),
    body8bit: random.oneIn(4),
    smtputf8: random.oneIn(4),
    ret: random.pick([null, null, 'HDRS']),
    envid: random.pick([null, null, 'QQ+2B']),
  };
}

function createDialogue(random: Random): SmtpServerDialogue {
  return new SmtpServerDialogue({
    heloName: 'fe1.contoso.com',
    tls: random.pick(['none', 'none', 'opportunistic', 'starttls', 'implicit']),
    credentials: random.oneIn(3)
      ? { kind: 'password', user: 'ann', authorizationId: '', password: 'secret' }
      : random.oneIn(3)
        ? { kind: 'token', mechanism: 'XOAUTH2', user: 'ann', message: 'user=ann\u0001auth=Bearer t\u0001\u0001' }
        : null,
    auth: random.oneIn(5) ? random.pick(['PLAIN', 'LOGIN', 'GSSAPI']) : null,
    xclient: random.oneIn(3)
      ? {
          name: null,
          address: random.pick(['192.0.2.7', '2001:db8::7']),
          port: 4711,
          protocol: 'ESMTP',
          helo: 'client+x',
          login: random.pick([null, 'ann']),
          destinationAddress: null,
          destinationPort: null,
        }
      : null,
  });
}

// The driver's own bytes: every call may write an envelope of a few recipients.
const perCallBytes = 8192;

class Player {
  readonly #dialogue: SmtpServerDialogue;
  readonly #random: Random;
  readonly #seen: (step: string) => void;
  readonly #balance = new Balance(100);

  constructor(random: Random, seen: (step: string) => void) {
    this.#dialogue = createDialogue(random);
    this.#random = random;
    this.#seen = seen;
  }

  play(chunks: readonly Buffer[]): void {
    for (const chunk of chunks) {
      let step = this.#take(this.#dialogue.receive(this.#balance.take(chunk)));
      for (let turns = 0; turns < 50 && step !== null; turns++) {
        const next = this.#drive(step);
        if (next === null) break;
        step = this.#take(next);
        if (step.kind === 'wait' && this.#dialogue.hasUnread) step = this.#take(this.#dialogue.receive());
      }
      if (step.kind === 'closed') break;
    }
    const { kind } = this.#take(this.#dialogue.closed('lost'));
    promise(kind === 'failed' || kind === 'closed', `"${kind}" when the connection is lost`);
  }

  /** What the driver may call after a step; null: read on. */
  #drive(step: ServerStep): ServerTurn | null {
    const dialogue = this.#dialogue;
    const random = this.#random;
    switch (step.kind) {
      case 'wait':
      case 'closed':
        return null;
      case 'start-tls':
        return random.oneIn(4) ? null : dialogue.tlsStarted();
      case 'ready':
      case 'finished':
      case 'unsendable':
        if (random.oneIn(8)) return dialogue.quit();
        return dialogue.startTransaction(envelope(random), { withData: random.oneIn(2) });
      case 'recipients': {
        promise(step.refused.length <= step.replies.length, 'no more refusals than replies');
        if (step.connection === 'spent') return null;
        const isAnyTaken = step.refused.length < step.replies.length;
        if (isAnyTaken && random.int(3) > 0) return dialogue.startData();
        return random.oneIn(3) ? dialogue.addRecipients(recipients(random)) : dialogue.abortTransaction();
      }
      case 'send-body':
        return random.oneIn(4) ? null : dialogue.bodySent();
      case 'failed':
        if (step.connection === 'spent') return null;
        return random.oneIn(4) ? dialogue.quit() : dialogue.abortTransaction();
    }
  }

  #take({ output, step }: ServerTurn): ServerStep {
    this.#seen(step.kind === 'failed' ? `failed at ${step.stage}` : step.kind);
    promise(output.length <= perCallBytes, `${output.length} bytes of one call`);
    promise(!/(^|[^\r])\n|\r(?!\n)/.test(output.toString('latin1')), 'lines of ours end with CRLF');
    return step;
  }
}

/** Our side towards servers, and the reader of their replies in it. */
export const smtpServerTarget: FuzzTarget = {
  name: 'smtp server',
  group: 'smtp',
  corpus: readCorpus('S', 'fuzz/corpus/smtp'),
  words: [
    '220 mx\r\n',
    '250 OK\r\n',
    '250-mx\r\n250-SIZE 1000\r\n250-PIPELINING\r\n250 8BITMIME\r\n',
    '250-x\r\n',
    '251 x\r\n',
    '334 \r\n',
    '354 go\r\n',
    '421 4.3.2 bye\r\n',
    '450 later\r\n',
    '550-5.1.1 no\r\n550 5.1.1 no\r\n',
    '999 x\r\n',
    '250',
  ],
  steps: [
    ...['wait', 'start-tls', 'ready', 'unsendable', 'recipients', 'send-body', 'finished', 'closed'],
    ...['greeting', 'ehlo', 'starttls', 'xclient', 'auth', 'idle', 'mail', 'rcpt', 'data', 'body', 'rset'].map(
      (stage) => `failed at ${stage}`,
    ),
  ],
  play: (chunks, random, seen) => new Player(random, seen).play(chunks),
};
