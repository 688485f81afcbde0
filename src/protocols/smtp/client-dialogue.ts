import { Buffer } from 'node:buffer';
import type { MechanismStep } from '../sasl/server-mechanisms.js';
import { type Reaction, reactToCommand } from './client-commands.js';
import { consentTo, welcome } from './client-consent.js';
import type { SmtpClientOptions } from './client-options.js';
import { ClientOutput } from './client-output.js';
import { clientReplies } from './client-replies.js';
import { type ClientSession, newSession, noTransaction, sessionAfter } from './client-session.js';
import { type ClientState, type Question, type Reading, readingAfter } from './client-state.js';
import type { ClientStep, ClientTurn } from './client-step.js';
import { CommandInput } from './command-input.js';
import { CommandReader } from './command-reader.js';
import { type MessageReading, readMessage } from './message-input.js';
import type { SmtpReply } from './replies.js';

const nothing = Buffer.alloc(0);
const read: ClientStep = { kind: 'read' };
const commands: Reading = { at: 'commands' };

const heldWhileBusyMax = 256 * 1024;

/**
 * The SMTP server of the door (RFC 5321; STARTTLS 3207, AUTH 4954, PIPELINING 2920, CHUNKING 3030, DSN 3461, SMTPUTF8
 * 6531). It consumes what the client sent until the driver is needed, so that the replies to a pipelined group are one
 * output. Every step but `read`, `start-tls` and `close` asks the driver, which reads no more until it has called
 * `answer()` or `proceed()`. RSET and a new greeting end a transaction without asking: `hasTransaction` tells.
 * A call that does not fit the state throws; nothing that a client sends does. When the dialogue is over every call
 * says `close` again.
 */
export class SmtpClientDialogue {
  readonly #options: SmtpClientOptions;
  readonly #input: CommandInput;
  readonly #reader: CommandReader;
  readonly #output: ClientOutput;
  #state: ClientState = { at: 'start' };
  #session: ClientSession;
  #dismissal: SmtpReply | null = null;
  #messageBytes = 0;

  constructor(options: SmtpClientOptions) {
    this.#options = options;
    this.#input = new CommandInput(options.commandLengthMax ?? 2048);
    this.#reader = new CommandReader(this.#input, options.trace);
    this.#output = new ClientOutput(options.trace);
    this.#session = newSession(options.tls === 'active' ? 'secure' : 'plain');
  }

  /** Whether MAIL was accepted and its message is neither answered nor given up. */
  get hasTransaction(): boolean {
    const { kind } = this.#session.transaction;
    return kind === 'envelope' || kind === 'chunks';
  }

  /** Bytes of client input kept at the moment. */
  get heldBytes(): number {
    return this.#input.heldBytes;
  }

  /** How the client presented itself; null before its greeting was accepted. */
  get greeting(): {
    readonly helo: string | null;
    readonly verb: 'EHLO' | 'HELO' | null;
    readonly channel: 'plain' | 'secure';
  } {
    const { hello, channel } = this.#session;
    return { helo: hello?.name ?? null, verb: hello?.verb ?? null, channel };
  }

  /** To be called once, first. */
  greet(): ClientTurn {
    if (this.#state.at === 'over') return this.#over(this.#state.reason);
    if (this.#state.at !== 'start') throw new Error('the client was greeted already');
    this.#state = commands;
    this.#output.say(welcome(this.#options));
    return this.#turn(read);
  }

  /**
   * Takes bytes from the client, which must not change afterwards. While the driver is asked they are only kept and the
   * step is `read`.
   */
  receive(chunk: Buffer): ClientTurn {
    const state = this.#state;
    switch (state.at) {
      case 'over':
        return this.#over(state.reason);
      case 'start':
        throw new Error('the client was not greeted yet');
      case 'handshake':
        return this.#over('plain bytes instead of a TLS handshake');
      case 'asked':
      case 'piece':
        if (this.#input.heldBytes + chunk.length > heldWhileBusyMax) {
          return this.#close(clientReplies.tooMuchInput, 'too much input ahead of the replies');
        }
        this.#input.push(chunk);
        return this.#turn(read);
      case 'commands':
      case 'sasl':
      case 'body':
      case 'chunk':
      case 'unwanted':
      case 'message-end':
        this.#input.push(chunk);
        return this.#run();
    }
  }

  /**
   * The driver's word on the step before, null for the usual consent; a code from 400 on refuses. A positive word on
   * EHLO becomes the first line of the answer, one on `data` must be a 354. A refusal of `data` leaves the transaction as
   * it is, but for BDAT, where it ends it. After a 421 the connection is to be closed.
   */
  answer(reply: SmtpReply | null): ClientTurn {
    const state = this.#state;
    if (state.at === 'over') return this.#over(state.reason);
    if (state.at !== 'asked') throw new Error(`answer() does not fit the state "${state.at}"`);
    if (reply?.code === 421) return this.#close(reply, reply.text);
    const { question } = state;
    const refusal = reply === null || reply.code < 400 ? null : reply;
    const session = sessionAfter(question, refusal === null ? 'accepted' : 'refused', this.#session);
    const words = refusal ?? consentTo(question, reply, session, this.#options);
    this.#session = session;
    this.#state = readingAfter(question, refusal);
    if (question.kind === 'data') this.#messageBytes = 0;
    // RFC 3030 §2: the reply to a BDAT follows its octets.
    if (question.kind !== 'data' || question.chunk === null) this.#output.pass(words);
    return this.#run();
  }

  /** More of the message may come. */
  proceed(): ClientTurn {
    const state = this.#state;
    if (state.at === 'over') return this.#over(state.reason);
    if (state.at !== 'piece') throw new Error(`proceed() does not fit the state "${state.at}"`);
    this.#state = state.next;
    return this.#run();
  }

  /** The handshake is done: the client begins anew. */
  tlsStarted(): ClientTurn {
    const state = this.#state;
    if (state.at === 'over') return this.#over(state.reason);
    if (state.at !== 'handshake') throw new Error(`no TLS handshake is due in the state "${state.at}"`);
    this.#session = newSession('secure');
    this.#state = commands;
    return this.#turn(read);
  }

  /** From now on RCPT is heard and nothing else: any other command gets this reply as the last. Null takes it back. */
  dismiss(reply: SmtpReply | null): void {
    this.#dismissal = reply;
  }

  /** What to write before the driver closes the connection; nothing when the last word was spoken before. */
  closing(reply: SmtpReply): Buffer {
    return this.#state.at === 'over' ? nothing : this.#close(reply, reply.text).output;
  }

  #run(): ClientTurn {
    for (;;) {
      if (this.#output.errorCount > this.#options.protocolErrorsMax) {
        return this.#close(clientReplies.tooManyErrors, 'too many protocol errors');
      }
      const turn = this.#advance();
      if (turn !== null) return turn;
    }
  }

  /** Consumes one line or one piece; null when there may be more to consume. */
  #advance(): ClientTurn | null {
    const state = this.#state;
    switch (state.at) {
      case 'commands':
      case 'sasl':
        return this.#takeLine(state);
      case 'body':
      case 'chunk':
      case 'unwanted':
        return this.#takeMessage(state);
      case 'message-end':
        this.#options.trace?.('<', `<message ${this.#messageBytes} bytes>`);
        return this.#ask({ kind: 'end-of-body' }, { kind: 'end-of-body' });
      case 'start':
      case 'handshake':
      case 'asked':
      case 'piece':
      case 'over':
        throw new Error(`nothing is read in the state "${state.at}"`);
    }
  }

  #takeLine(state: Reading & { readonly at: 'commands' | 'sasl' }): ClientTurn | null {
    const line = this.#reader.next(state.at === 'sasl' ? 'response' : 'command');
    switch (line.kind) {
      case 'more':
        return this.#turn(read);
      case 'close':
        return this.#close(line.reply, line.reason);
      case 'response':
        if (state.at === 'sasl') return this.#takeMechanism(state.respond(line.text));
        throw new Error('a response that was not asked for');
      case 'refused':
        return this.#dismissal === null ? this.#say(line.reply) : this.#close(this.#dismissal, 'dismissed');
      case 'command':
        if (this.#dismissal !== null && line.verb !== 'RCPT') return this.#close(this.#dismissal, 'dismissed');
        return this.#carryOut(reactToCommand(line, this.#session, this.#options));
    }
  }

  #carryOut(reaction: Reaction): ClientTurn | null {
    switch (reaction.kind) {
      case 'reply':
        return this.#say(reaction.reply);
      case 'close':
        return this.#close(reaction.reply, reaction.reason);
      case 'ask':
        return this.#ask(reaction.question, reaction.step);
      case 'read':
        return this.#read(reaction.next);
      case 'reset':
        this.#session = { ...this.#session, transaction: noTransaction };
        return this.#say(clientReplies.done);
      case 'authenticate':
        return this.#takeMechanism(reaction.step);
      case 'start-tls':
        return this.#startTls();
    }
  }

  #takeMechanism(step: MechanismStep): ClientTurn | null {
    switch (step.kind) {
      case 'challenge':
        this.#output.say({ code: 334, enhanced: null, text: step.text });
        return this.#read({ at: 'sasl', respond: step.respond });
      case 'credentials':
        return this.#ask({ kind: 'login' }, { kind: 'login', credentials: step.credentials });
      case 'malformed':
        return this.#say({ code: 501, enhanced: '5.5.2', text: step.reason });
    }
  }

  // RFC 3207 §4.2: bytes behind STARTTLS were sent in clear by anybody; they must not count as said under TLS.
  #startTls(): ClientTurn {
    if (this.#input.heldBytes > 0) return this.#close(clientReplies.tlsInjection, 'input behind STARTTLS');
    this.#output.say(clientReplies.startTls);
    this.#session = { ...this.#session, transaction: noTransaction };
    this.#state = { at: 'handshake' };
    return this.#turn({ kind: 'start-tls' });
  }

  #takeMessage(state: MessageReading): ClientTurn | null {
    const progress = readMessage(state, this.#input);
    switch (progress.kind) {
      case 'more':
        return this.#turn(read);
      case 'reply':
        return this.#say(progress.reply);
      case 'close':
        return this.#close(progress.reply, progress.reason);
      case 'piece':
        break;
    }
    const { bytes, next } = progress;
    if (bytes.length === 0) return this.#read(next);
    this.#messageBytes += bytes.length;
    this.#state = { at: 'piece', next };
    return this.#turn({ kind: 'body', bytes });
  }

  #say(reply: SmtpReply): null {
    this.#output.say(reply);
    return this.#read(commands);
  }

  #read(next: Reading): null {
    this.#state = next;
    return null;
  }

  #ask(question: Question, step: ClientStep): ClientTurn {
    this.#state = { at: 'asked', question };
    return this.#turn(step);
  }

  #close(reply: SmtpReply, reason: string): ClientTurn {
    this.#output.say(reply);
    return this.#over(reason);
  }

  #over(reason: string): ClientTurn {
    this.#input.clear();
    this.#state = { at: 'over', reason };
    return this.#turn({ kind: 'close', reason });
  }

  #turn(step: ClientStep): ClientTurn {
    return { output: this.#output.take(), step };
  }
}
