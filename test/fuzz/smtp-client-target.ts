import { SmtpClientDialogue } from '../../src/protocols/smtp/client-dialogue.js';
import type { ClientStep, ClientTurn } from '../../src/protocols/smtp/client-step.js';
import type { SmtpReply } from '../../src/protocols/smtp/replies.js';
import { readCorpus } from './corpus.js';
import { Balance, type FuzzTarget, promise } from './fuzz-target.js';
import type { Random } from './random.js';

const commandLengths = [64, 2048] as const;
// While the driver is busy so much is kept; else a line of AUTH at most besides the last chunk.
const heldMax = 256 * 1024;
const refusals: readonly SmtpReply[] = [
  { code: 421, enhanced: '4.3.2', text: 'closing' },
  { code: 450, enhanced: null, text: 'later' },
  { code: 550, enhanced: '5.1.1', text: 'two\nlines' },
];

function createDialogue(random: Random): SmtpClientDialogue {
  return new SmtpClientDialogue({
    serverName: 'mx.contoso.com',
    banner: random.oneIn(3) ? '220 ready' : null,
    tls: random.pick(['active', 'offered', 'offered', 'absent']),
    needsTls: random.oneIn(6),
    mechanisms: {
      plain: random.pick([[], ['PLAIN', 'LOGIN'], ['PLAIN', 'LOGIN', 'XOAUTH2', 'OAUTHBEARER']]),
      secure: ['PLAIN', 'LOGIN', 'XOAUTH2', 'OAUTHBEARER'],
    },
    sizeMax: random.pick([null, 100, 1_000_000]),
    extensions: { smtputf8: random.oneIn(2), dsn: random.oneIn(2), chunking: random.int(4) > 0 },
    xclient: random.oneIn(2) ? ['NAME', 'ADDR', 'PORT', 'LOGIN', 'DESTADDR'] : [],
    protocolErrorsMax: random.pick([1, 5, 1000]),
    commandLengthMax: random.pick(commandLengths),
    trace: random.oneIn(3) ? checkTrace : undefined,
  });
}

function checkTrace(_: '>' | '<', text: string): void {
  promise(!/[\r\n]/.test(text), 'a line of the trace is one line');
}

/** A driver's word on a step; null is consent. */
function wordOn(step: ClientStep, random: Random): SmtpReply | null {
  if (random.oneIn(5)) return random.pick(refusals);
  return step.kind === 'end-of-body' ? { code: 250, enhanced: '2.6.0', text: 'taken' } : null;
}

class Player {
  readonly #dialogue: SmtpClientDialogue;
  readonly #random: Random;
  readonly #seen: (step: string) => void;
  readonly #balance = new Balance(100);

  constructor(random: Random, seen: (step: string) => void) {
    this.#dialogue = createDialogue(random);
    this.#random = random;
    this.#seen = seen;
  }

  play(chunks: readonly Buffer[]): void {
    let step = this.#take(this.#dialogue.greet());
    for (const chunk of chunks) {
      const before = step;
      const next = this.#take(this.#dialogue.receive(this.#balance.take(chunk)));
      promise(before.kind !== 'close' || next.kind === 'close', `"${next.kind}" after "close"`);
      // While a word is due the dialogue only keeps what comes.
      const isDue = before.kind !== 'read' && before.kind !== 'start-tls' && before.kind !== 'close';
      promise(!isDue || next.kind === 'read' || next.kind === 'close', `"${next.kind}" while a word is due`);
      step = this.#follow(isDue && next.kind === 'read' ? before : next);
    }
    this.#balance.give(this.#dialogue.closing({ code: 421, enhanced: '4.3.2', text: 'bye' }));
    promise(this.#take(this.#dialogue.receive(Buffer.from('NOOP\r\n'))).kind === 'close', 'closed after the last word');
  }

  /** Answers until the client is to be read; now and then it is read before the answer. */
  #follow(first: ClientStep): ClientStep {
    let step = first;
    for (;;) {
      if (step.kind === 'read' || step.kind === 'close' || this.#random.oneIn(6)) return step;
      step = this.#take(this.#answer(step));
    }
  }

  #answer(step: ClientStep): ClientTurn {
    if (this.#random.oneIn(50)) this.#dialogue.dismiss(this.#random.pick(refusals));
    if (step.kind === 'body') return this.#dialogue.proceed();
    if (step.kind === 'start-tls') return this.#dialogue.tlsStarted();
    return this.#dialogue.answer(wordOn(step, this.#random));
  }

  #take({ output, step }: ClientTurn): ClientStep {
    this.#seen(step.kind);
    this.#balance.give(output);
    promise(this.#dialogue.heldBytes <= heldMax, `${this.#dialogue.heldBytes} bytes held`);
    if (step.kind === 'body') promise(step.bytes.length <= 64 * 1024, `a piece of ${step.bytes.length} bytes`);
    return step;
  }
}

/** The door's side of SMTP. */
export const smtpClientTarget: FuzzTarget = {
  name: 'smtp client',
  group: 'smtp',
  corpus: readCorpus('C', 'fuzz/corpus/smtp'),
  words: [
    'EHLO x\r\n',
    'MAIL FROM:<ann@contoso.com> SIZE=1\r\n',
    'RCPT TO:<bob@contoso.com>\r\n',
    'DATA\r\n',
    'BDAT 5 LAST\r\n',
    'BDAT 99999999999\r\n',
    'RSET\r\n',
    'AUTH PLAIN AGFubgBzZWNyZXQ=\r\n',
    'AUTH LOGIN\r\n',
    'STARTTLS\r\n',
    'XCLIENT ADDR=192.0.2.7 LOGIN=ann\r\n',
    'QUIT\r\n',
    'RCPT TO:<@a,@b:c@d>\r\n',
    'RCPT TO:<"a\\"b"@c> ORCPT=rfc822;+2B NOTIFY=NEVER\r\n',
    '.\r\n',
    '..\r\n',
  ],
  steps: [
    ...['read', 'hello', 'mail', 'recipient', 'login', 'xclient', 'data', 'body', 'end-of-body'],
    ...['start-tls', 'close'],
  ],
  play: (chunks, random, seen) => new Player(random, seen).play(chunks),
};
