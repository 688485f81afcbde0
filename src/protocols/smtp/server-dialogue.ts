import type { ServerCapabilities } from './capabilities.js';
import { type Envelope, type EnvelopeRecipient, refusalOf } from './envelope.js';
import { EnvelopeExchange, type ExchangeProgress } from './envelope-exchange.js';
import { describeReply, kindOfReply, type SmtpReply } from './replies.js';
import { ReplyReader } from './reply-reader.js';
import { type OpeningProgress, ServerOpening, type ServerOpeningOptions } from './server-opening.js';
import { type ServerState, stageOf } from './server-state.js';
import type { RecipientReply, ServerStage, ServerStep, ServerTurn } from './server-step.js';
import { type ServerTrace, ServerWitness } from './server-trace.js';

export interface SmtpServerDialogueOptions extends ServerOpeningOptions {
  /** With one the credentials are kept as long as the dialogue, to find them in what the server says. */
  readonly trace?: ServerTrace | undefined;
}

const nothing = Buffer.alloc(0);
const wait: ServerStep = { kind: 'wait' };
const idle: ServerTurn = { output: nothing, step: wait };
const nonsense = 'the server sent something that is no SMTP reply';
const withheld = '(words withheld: they may repeat the credentials)';

/**
 * Our side of one SMTP connection to a server (RFC 5321), without the socket: feed it what the server sends, write
 * its output, do its steps. A call that does not fit the last step throws; whatever the server sends does not.
 */
export class SmtpServerDialogue {
  #reader = new ReplyReader();
  #state: ServerState;
  #server: ServerCapabilities = { name: '', keywords: new Map() };
  readonly #witness: ServerWitness | null;

  constructor(options: SmtpServerDialogueOptions) {
    const { trace, credentials } = options;
    this.#state = { at: 'opening', opening: new ServerOpening(options) };
    this.#witness = trace === undefined ? null : new ServerWitness(trace, credentials);
  }

  /** Whether the server has sent more than what led to the last step; `receive()` goes on with it. */
  get hasUnread(): boolean {
    return !this.#reader.isEmpty;
  }

  /** Takes bytes of the server. */
  receive(chunk: Buffer = nothing): ServerTurn {
    if (this.#state.at === 'spent' || this.#state.at === 'barred') return idle;
    if (this.#state.at === 'opening' && this.#state.opening.isInHandshake)
      return this.#fail(null, 'the server sent plain bytes ahead of the TLS handshake');
    this.#reader.push(chunk);
    let output: Buffer = nothing;
    for (;;) {
      const read = this.#reader.next();
      if (read.kind === 'more') return output.length === 0 ? idle : { output, step: wait };
      if (read.kind === 'bad') return this.#fail(null, this.#isPrivate ? nonsense : read.reason);
      const { output: more, step } = this.#take(read.reply, read.lines);
      output = output.length === 0 ? more : Buffer.concat([output, more]);
      if (step.kind !== 'wait') return { output, step };
    }
  }

  /** The socket is a TLS one now. */
  tlsStarted(): ServerTurn {
    const { opening } = this.#expect('tlsStarted', 'opening');
    if (!opening.isInHandshake) throw new Error('tlsStarted() without a handshake');
    // RFC 3207 §4.2: what was learnt before the handshake is forgotten.
    this.#reader = new ReplyReader();
    return this.#open(opening.tlsStarted(), null);
  }

  /**
   * Begins a message: MAIL and RCPTs, with `withData` DATA too when everybody was accepted; then the step is
   * `send-body`. Needs step `ready`, `finished`, `unsendable` or a usable failure of `mail` or `body`.
   */
  startTransaction(envelope: Envelope, { withData = false }: { readonly withData?: boolean } = {}): ServerTurn {
    this.#expect('startTransaction', 'ready');
    const refusal = refusalOf(envelope, this.#server);
    if (refusal !== null) return { output: nothing, step: { kind: 'unsendable', ...refusal } };
    return this.#exchange({ mail: envelope, recipients: envelope.to, withData, smtputf8: envelope.smtputf8 }, 0);
  }

  /** Names further recipients of the message; needs step `recipients`, which then comes again with these alone. */
  addRecipients(recipients: readonly EnvelopeRecipient[]): ServerTurn {
    const { acceptedCount, smtputf8 } = this.#expect('addRecipients', 'recipients');
    return this.#exchange({ mail: null, recipients, withData: false, smtputf8 }, acceptedCount);
  }

  /** Asks to send the message to the accepted recipients; needs step `recipients` with one at least so far. */
  startData(): ServerTurn {
    if (this.#expect('startData', 'recipients').acceptedCount === 0) throw new Error('startData() without recipients');
    return this.#unasked() ?? this.#send('DATA\r\n', { at: 'data' });
  }

  /** The message and its end were written; needs step `send-body`. */
  bodySent(): ServerTurn {
    this.#expect('bodySent', 'sending');
    const unasked = this.#unasked();
    if (unasked !== null) return unasked;
    this.#state = { at: 'body' };
    return idle;
  }

  /** Gives the transaction up, not while the body is being sent (then only closing is left); the next step is `ready`. */
  abortTransaction(): ServerTurn {
    this.#expect('abortTransaction', 'ready', 'recipients', 'stale');
    return this.#unasked() ?? this.#send('RSET\r\n', { at: 'rset' });
  }

  /** Says goodbye; the next step is `closed`, and the driver need not wait for it. */
  quit(): ServerTurn {
    this.#expect('quit', 'ready', 'recipients', 'stale', 'spent');
    return this.#send('QUIT\r\n', { at: 'quit' });
  }

  /** The connection was lost or the driver lost patience; `reason` says which. */
  closed(reason = 'the server closed the connection'): ServerTurn {
    if (this.#state.at === 'quit' || this.#state.at === 'spent') return { output: nothing, step: { kind: 'closed' } };
    const reply = this.#state.at === 'envelope' ? this.#state.exchange.senderRefusal : null;
    const stage = stageOf(this.#state);
    this.#state = { at: 'spent' };
    return { output: nothing, step: failure(stage, reply, reason, 'spent') };
  }

  #take(said: SmtpReply, lines: readonly string[]): ServerTurn {
    this.#witness?.heard(said, lines, this.#isPrivate ? 'credentials' : 'other');
    const reply = this.#witness?.withheld(said) ?? said;
    if (reply.code === 421 && this.#state.at !== 'quit') return this.#fail(reply);
    switch (this.#state.at) {
      case 'opening':
        return this.#open(this.#state.opening.take(reply, lines, this.#reader.isEmpty), reply);
      case 'envelope':
        return this.#progress(this.#state.exchange.take(reply), reply);
      case 'data':
        if (reply.code !== 354) return this.#refuse(reply, { at: 'stale' });
        this.#state = { at: 'sending' };
        return { output: nothing, step: { kind: 'send-body' } };
      case 'body':
        if (kindOfReply(reply) !== 'done') return this.#refuse(reply, { at: 'ready' });
        this.#state = { at: 'ready' };
        return { output: nothing, step: { kind: 'finished', reply } };
      case 'rset':
        if (kindOfReply(reply) !== 'done') return this.#fail(reply);
        return this.#ready();
      case 'quit':
        this.#state = { at: 'spent' };
        return { output: nothing, step: { kind: 'closed' } };
      case 'sending':
        if (reply.code >= 400) return this.#fail(reply);
        break;
      case 'ready':
      case 'recipients':
      case 'stale':
      case 'spent':
      case 'barred':
        break;
    }
    return this.#fail(reply, `the server said "${describeReply(reply)}" without having been asked`);
  }

  #open(progress: OpeningProgress, reply: SmtpReply | null): ServerTurn {
    switch (progress.kind) {
      case 'send':
        return this.#write(progress.output);
      case 'start-tls':
        return { output: nothing, step: progress };
      case 'ready':
        this.#server = progress.server;
        return this.#ready();
      case 'failed':
        return this.#fail(progress.reply ?? (progress.reason === null ? reply : null), progress.reason ?? undefined);
    }
  }

  #ready(): ServerTurn {
    this.#state = { at: 'ready' };
    return { output: nothing, step: { kind: 'ready', capabilities: this.#server } };
  }

  #exchange(
    wanted: {
      readonly mail: Envelope | null;
      readonly recipients: readonly EnvelopeRecipient[];
      readonly withData: boolean;
      readonly smtputf8: boolean;
    },
    acceptedCount: number,
  ): ServerTurn {
    const unasked = this.#unasked();
    if (unasked !== null) return unasked;
    const exchange = new EnvelopeExchange({ ...wanted, server: this.#server });
    this.#state = { at: 'envelope', exchange, acceptedCount };
    return this.#progress(exchange.begin(), null);
  }

  #progress(progress: ExchangeProgress, reply: SmtpReply | null): ServerTurn {
    switch (progress.kind) {
      case 'more':
        return this.#write(progress.output);
      case 'recipients':
        return this.#takeRecipients(progress.replies, progress.connection);
      case 'go-ahead':
        this.#state = { at: 'sending' };
        return { output: nothing, step: { kind: 'send-body' } };
      case 'sender-refused':
        this.#state = { at: progress.connection === 'usable' ? 'ready' : 'barred' };
        return { output: nothing, step: said('mail', progress.reply, progress.connection) };
      case 'data-refused':
        this.#state = { at: 'stale' };
        return { output: nothing, step: said('data', progress.reply, 'usable') };
      case 'confused':
        return this.#fail(reply);
    }
  }

  #takeRecipients(replies: readonly RecipientReply[], connection: 'usable' | 'spent'): ServerTurn {
    const state = this.#state;
    const refused = replies.filter(({ reply }) => kindOfReply(reply) !== 'done');
    if (state.at === 'envelope' && connection === 'usable') {
      const acceptedCount = state.acceptedCount + replies.length - refused.length;
      this.#state = { at: 'recipients', acceptedCount, smtputf8: state.exchange.smtputf8 };
    } else this.#state = { at: 'barred' };
    return { output: nothing, step: { kind: 'recipients', replies, refused, connection } };
  }

  /** A reply that says no; any other that is not the one we wait for is a fault of the server. */
  #refuse(reply: SmtpReply, next: ServerState): ServerTurn {
    if (reply.code < 400) return this.#fail(reply);
    const stage = stageOf(this.#state);
    this.#state = next;
    return { output: nothing, step: said(stage, reply, 'usable') };
  }

  /** What the server sent though nothing was asked; it must not be taken for the answer to the next command. */
  #unasked(): ServerTurn | null {
    if (this.#reader.isEmpty) return null;
    const read = this.#reader.next();
    if (read.kind === 'reply') return this.#take(read.reply, read.lines);
    return this.#fail(null, read.kind === 'bad' ? read.reason : 'the server sent bytes without having been asked');
  }

  #send(output: string, next: ServerState): ServerTurn {
    this.#state = next;
    return this.#write(output);
  }

  #write(output: string): ServerTurn {
    if (output === '') return idle;
    this.#witness?.wrote(output, this.#isPrivate ? 'credentials' : 'other');
    return { output: Buffer.from(output), step: wait };
  }

  /** Whether the server may repeat credentials in what it says now. */
  get #isPrivate(): boolean {
    return this.#state.at === 'opening' && this.#state.opening.hasSentCredentials;
  }

  #fail(said: SmtpReply | null, reason?: string): ServerTurn {
    const reply = said !== null && this.#isPrivate ? { ...said, text: withheld } : said;
    const stage = stageOf(this.#state);
    this.#state = { at: 'spent' };
    const words = reply === null ? 'the server failed' : describeReply(reply);
    return { output: nothing, step: failure(stage, reply, reason ?? words, 'spent') };
  }

  #expect<At extends ServerState['at']>(call: string, ...states: readonly At[]): Extract<ServerState, { at: At }> {
    const state = this.#state;
    if ((states as readonly string[]).includes(state.at)) return state as Extract<ServerState, { at: At }>;
    throw new Error(`${call}() does not fit the state "${state.at}"`);
  }
}

const said = (stage: ServerStage, reply: SmtpReply, connection: 'usable' | 'spent'): ServerStep =>
  failure(stage, reply, describeReply(reply), connection);

function failure(
  stage: ServerStage,
  reply: SmtpReply | null,
  reason: string,
  connection: 'usable' | 'spent',
): ServerStep {
  return { kind: 'failed', stage, permanent: reply !== null && reply.code >= 500, reply, reason, connection };
}
