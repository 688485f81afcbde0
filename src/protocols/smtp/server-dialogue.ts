import { offersMechanism, readCapabilities, type ServerCapabilities } from './capabilities.js';
import { type Envelope, refusalOf } from './envelope.js';
import { EnvelopeExchange, type ExchangeProgress } from './envelope-exchange.js';
import { describeReply, kindOfReply, type SmtpReply } from './replies.js';
import { ReplyReader } from './reply-reader.js';
import { type ServerState, stageOf } from './server-state.js';
import type { ServerStage, ServerStep, ServerTurn } from './server-step.js';

export interface PlainCredentials {
  readonly user: string;
  readonly password: string;
  /** On whose behalf (RFC 4616); empty: the user's own. */
  readonly authorizationId: string;
}

export interface SmtpServerDialogueOptions {
  /** Our name in EHLO. */
  readonly heloName: string;
  /** none: plain; implicit: the socket is TLS already; opportunistic: STARTTLS if offered; starttls: or nothing. */
  readonly tls: 'none' | 'opportunistic' | 'starttls' | 'implicit';
  readonly credentials: PlainCredentials | null;
}

// RFC 4954 §4: a line with an initial response has at most 12288 octets.
const authLineLengthMax = 12_288;
const nothing = Buffer.alloc(0);
const wait: ServerStep = { kind: 'wait' };

/**
 * Our side of one SMTP connection to a server (RFC 5321), without the socket: feed it what the server sends, write
 * its output, do its steps. A call that does not fit the last step throws; whatever the server sends does not.
 */
export class SmtpServerDialogue {
  readonly #options: SmtpServerDialogueOptions;
  #reader = new ReplyReader();
  #state: ServerState = { at: 'greeting' };
  #channel: 'plain' | 'secure';
  #server: ServerCapabilities = { name: '', keywords: new Map() };
  #credentials: PlainCredentials | null;

  constructor(options: SmtpServerDialogueOptions) {
    if (!/^[!-~]{1,255}$/.test(options.heloName)) throw new Error('the name for EHLO holds characters it must not');
    this.#options = { ...options, credentials: null };
    this.#credentials = options.credentials;
    this.#channel = options.tls === 'implicit' ? 'secure' : 'plain';
  }

  /** Takes bytes of the server. */
  receive(chunk: Buffer): ServerTurn {
    if (this.#state.at === 'spent') return turn('', wait);
    if (this.#state.at === 'handshake')
      return this.#fail(null, 'the server sent plain bytes ahead of the TLS handshake');
    this.#reader.push(chunk);
    let output: Buffer = nothing;
    for (;;) {
      const read = this.#reader.next();
      if (read.kind === 'more') return { output, step: wait };
      if (read.kind === 'bad') return this.#fail(null, read.reason);
      const { output: more, step } = this.#take(read.reply, read.lines);
      output = output.length === 0 ? more : Buffer.concat([output, more]);
      if (step.kind !== 'wait') return { output, step };
    }
  }

  /** The socket is a TLS one now. */
  tlsStarted(): ServerTurn {
    this.#expect('tlsStarted', 'handshake');
    this.#channel = 'secure';
    // RFC 3207 §4.2: what was learnt before the handshake is forgotten.
    this.#reader = new ReplyReader();
    this.#server = { name: '', keywords: new Map() };
    return this.#hello();
  }

  /** Begins a message; needs step `ready`, `finished` or a usable failure of `mail` or `body`. */
  startTransaction(envelope: Envelope): ServerTurn {
    this.#expect('startTransaction', 'ready');
    const refusal = refusalOf(envelope, this.#server);
    if (refusal !== null) {
      const { stage, reason } = refusal;
      return turn('', { kind: 'failed', stage, permanent: true, reply: null, reason, connection: 'usable' });
    }
    const unasked = this.#unasked();
    if (unasked !== null) return unasked;
    const exchange = new EnvelopeExchange(envelope, this.#server);
    this.#state = { at: 'envelope', exchange };
    return this.#progress(exchange.begin());
  }

  /** Asks to send the message to the accepted recipients; needs step `recipients` with one at least. */
  startData(): ServerTurn {
    this.#expect('startData', 'recipients');
    if (this.#state.at === 'recipients' && this.#state.acceptedCount === 0)
      throw new Error('startData() without recipients');
    return this.#unasked() ?? this.#send('DATA\r\n', { at: 'data' });
  }

  /** The message and its end were written; needs step `send-body`. */
  bodySent(): ServerTurn {
    this.#expect('bodySent', 'sending');
    const unasked = this.#unasked();
    if (unasked !== null) return unasked;
    this.#state = { at: 'body' };
    return turn('', wait);
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
    if (this.#state.at === 'quit' || this.#state.at === 'spent') return turn('', { kind: 'closed' });
    return this.#fail(this.#state.at === 'envelope' ? this.#state.exchange.senderRefusal : null, reason);
  }

  #take(reply: SmtpReply, lines: readonly string[]): ServerTurn {
    if (reply.code === 421 && this.#state.at !== 'quit') return this.#fail(reply);
    switch (this.#state.at) {
      case 'greeting':
        return reply.code === 220 ? this.#hello() : this.#fail(reply);
      case 'ehlo':
        return this.#takeHello(reply, lines);
      case 'helo':
        return kindOfReply(reply) === 'done' ? this.#takeHello(reply, lines.slice(0, 1)) : this.#fail(reply);
      case 'starttls':
        return this.#takeStartTls(reply);
      case 'auth':
        return reply.code === 235 ? this.#ready() : this.#fail(reply);
      case 'envelope':
        return this.#progress(this.#state.exchange.take(reply), reply);
      case 'data':
        if (reply.code !== 354) return this.#refuse(reply, { at: 'stale' });
        this.#state = { at: 'sending' };
        return turn('', { kind: 'send-body' });
      case 'body':
        if (kindOfReply(reply) !== 'done') return this.#refuse(reply, { at: 'ready' });
        this.#state = { at: 'ready' };
        return turn('', { kind: 'finished', reply });
      case 'rset':
        return kindOfReply(reply) === 'done' ? this.#ready() : this.#fail(reply);
      case 'quit':
        this.#state = { at: 'spent' };
        return turn('', { kind: 'closed' });
      case 'sending':
        if (reply.code >= 400) return this.#fail(reply);
        break;
      case 'handshake':
      case 'ready':
      case 'recipients':
      case 'stale':
      case 'spent':
        break;
    }
    return this.#fail(reply, `the server said "${describeReply(reply)}" without having been asked`);
  }

  #hello(): ServerTurn {
    return this.#send(`EHLO ${this.#options.heloName}\r\n`, { at: 'ehlo' });
  }

  #takeHello(reply: SmtpReply, lines: readonly string[]): ServerTurn {
    // RFC 5321 §3.2: a server without EHLO is asked again with HELO.
    const kind = kindOfReply(reply);
    if (kind === 'permanent') return this.#send(`HELO ${this.#options.heloName}\r\n`, { at: 'helo' });
    if (kind !== 'done') return this.#fail(reply);
    this.#server = readCapabilities(lines);
    if (this.#channel === 'secure' || this.#options.tls === 'none') return this.#logIn();
    if (this.#server.keywords.has('STARTTLS')) return this.#send('STARTTLS\r\n', { at: 'starttls' });
    if (this.#options.tls === 'opportunistic') return this.#logIn();
    this.#state = { at: 'starttls' };
    return this.#fail(null, 'the server does not offer STARTTLS');
  }

  #takeStartTls(reply: SmtpReply): ServerTurn {
    if (reply.code === 220 && this.#reader.isEmpty) {
      this.#state = { at: 'handshake' };
      return turn('', { kind: 'start-tls' });
    }
    if (reply.code === 220) return this.#fail(null, 'the server sent plain bytes ahead of the TLS handshake');
    return this.#options.tls === 'opportunistic' && reply.code >= 400 ? this.#logIn() : this.#fail(reply);
  }

  #logIn(): ServerTurn {
    const credentials = this.#credentials;
    if (credentials === null) return this.#ready();
    this.#credentials = null;
    this.#state = { at: 'auth' };
    if (this.#channel === 'plain' && this.#options.tls !== 'none') {
      return this.#fail(null, 'there is no TLS, and the password is not sent without it');
    }
    if (!offersMechanism(this.#server, 'PLAIN')) return this.#fail(null, 'the server does not offer AUTH PLAIN');
    const parts = [credentials.authorizationId, credentials.user, credentials.password];
    if (parts.some((part) => part.includes('\0'))) return this.#fail(null, 'the credentials hold a NUL');
    const line = `AUTH PLAIN ${Buffer.from(parts.join('\0')).toString('base64')}\r\n`;
    if (line.length > authLineLengthMax) return this.#fail(null, 'the credentials are too long');
    return this.#send(line, { at: 'auth' });
  }

  #ready(): ServerTurn {
    this.#state = { at: 'ready' };
    return turn('', { kind: 'ready', capabilities: this.#server });
  }

  #progress(progress: ExchangeProgress, reply: SmtpReply | null = null): ServerTurn {
    switch (progress.kind) {
      case 'more':
        return turn(progress.output, wait);
      case 'recipients':
        this.#state = { at: 'recipients', acceptedCount: progress.accepted.length };
        return turn('', progress);
      case 'sender-refused':
        this.#state = { at: 'ready' };
        return turn('', failure('mail', progress.reply, describeReply(progress.reply), 'usable'));
      case 'confused':
        break;
    }
    return this.#fail(reply);
  }

  /** A reply that says no; any other that is not the one we wait for is a fault of the server. */
  #refuse(reply: SmtpReply, next: ServerState): ServerTurn {
    if (reply.code < 400) return this.#fail(reply);
    const stage = stageOf(this.#state);
    this.#state = next;
    return turn('', failure(stage, reply, describeReply(reply), 'usable'));
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
    return turn(output, wait);
  }

  #fail(reply: SmtpReply | null, reason?: string): ServerTurn {
    const stage = stageOf(this.#state);
    this.#state = { at: 'spent' };
    const said = reply === null ? 'the server failed' : describeReply(reply);
    return turn('', failure(stage, reply, reason ?? said, 'spent'));
  }

  #expect(call: string, ...states: readonly ServerState['at'][]): void {
    if (!states.includes(this.#state.at)) throw new Error(`${call}() does not fit the state "${this.#state.at}"`);
  }
}

function turn(output: string, step: ServerStep): ServerTurn {
  return { output: output === '' ? nothing : Buffer.from(output), step };
}

function failure(
  stage: ServerStage,
  reply: SmtpReply | null,
  reason: string,
  connection: 'usable' | 'spent',
): ServerStep {
  return { kind: 'failed', stage, permanent: reply !== null && reply.code >= 500, reply, reason, connection };
}
