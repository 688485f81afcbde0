import type { Socket } from 'node:net';
import { reasonOf } from '../../errors.js';
import { startTls } from '../../net/start-tls.js';
import type { LoginCredentials } from '../../protocols/sasl/login-credentials.js';
import { SmtpServerDialogue } from '../../protocols/smtp/server-dialogue.js';
import type { ServerFailure, ServerStep, ServerTurn } from '../../protocols/smtp/server-step.js';
import type { ServerTrace } from '../../protocols/smtp/server-trace.js';
import type { XclientAttributes } from '../../protocols/smtp/xclient.js';
import { type DialOptions, dialServer } from './dial-server.js';

/** `connectTimeoutMs` is for a STARTTLS handshake again; the signal fails whatever is awaited. */
export interface ServerConnectionOptions extends DialOptions {
  /** For people; default: the host. */
  readonly server?: string;
  readonly heloName: string;
  readonly credentials: LoginCredentials | null;
  readonly xclient: XclientAttributes | null;
  readonly trace?: ServerTrace | undefined;
  /** Called with the socket as soon as there is one, and again after STARTTLS. */
  readonly onSocket?: ((socket: Socket) => void) | undefined;
}

/** Who waits for the server: for its next step, or until it has taken what was written (null then). */
interface Waiter {
  readonly for: 'step' | 'drain';
  readonly timeoutMs: number;
  readonly resolve: (step: ServerStep | null) => void;
}

const goodbyeTimeoutMs = 5000;

/**
 * One connection to a server: the dialogue and the socket it goes over. What the server says is taken at once; the
 * step it leads to is kept until it is asked for. A connection that is lost while nobody waits is closed.
 */
export class ServerConnection {
  readonly dialogue: SmtpServerDialogue;
  readonly server: string;
  /** Messages begun. */
  messageCount = 0;
  /** Called when the connection is lost while nobody waits. */
  onLost: (() => void) | null = null;
  readonly #options: Pick<ServerConnectionOptions, 'host' | 'endpoint' | 'connectTimeoutMs' | 'identity' | 'onSocket'>;
  #socket: Socket;
  #signal: AbortSignal | null = null;
  #step: ServerStep | null = null;
  #waiter: Waiter | null = null;
  #timer: NodeJS.Timeout | undefined;
  #ending: 'none' | 'closed' | 'timeout' | 'aborted' = 'none';
  #reset: Promise<void> | null = null;
  #channel: 'settled' | 'handshake' = 'settled';

  private constructor(options: ServerConnectionOptions, socket: Socket) {
    const { heloName, host, endpoint, connectTimeoutMs, identity, credentials, xclient, signal } = options;
    const { tls, auth } = endpoint;
    this.dialogue = new SmtpServerDialogue({ heloName, tls, credentials, auth, xclient, trace: options.trace });
    this.server = options.server ?? host;
    this.#options = { host, endpoint, connectTimeoutMs, identity, onSocket: options.onSocket };
    this.#socket = socket;
    this.#listen();
    this.attach(signal);
  }

  /** Rejects with ConnectFailure, or with the signal's reason. */
  static async open(options: ServerConnectionOptions): Promise<ServerConnection> {
    return new ServerConnection(options, await dialServer(options));
  }

  /** What ended the connection from our point of view; `closed` is the server's doing. */
  get ending(): 'none' | 'closed' | 'timeout' | 'aborted' {
    return this.#ending;
  }

  /** Whether nothing is known to be wrong, and nothing to be waiting for. */
  get isIdle(): boolean {
    return this.#step === null && this.#waiter === null && !this.#socket.destroyed;
  }

  /** Whether it can be used no more. */
  get isLost(): boolean {
    return this.#ending !== 'none' || this.#socket.destroyed;
  }

  /** From now on the signal ends the waiting. */
  attach(signal: AbortSignal): void {
    this.detach();
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
  }

  /** The signal is not heard any more. */
  detach(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#signal = null;
  }

  /** Whether the process is to go on as long as the connection is open. */
  holdProcess(isWanted: boolean): void {
    if (isWanted) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Makes a call of the dialogue and gives the step it leads to; `timeoutMs` begins anew with every line. Never rejects. */
  ask(call: (dialogue: SmtpServerDialogue) => ServerTurn, timeoutMs: number): Promise<ServerStep> | ServerStep {
    if (this.#step === null) this.#follow(call(this.dialogue));
    return this.next(timeoutMs);
  }

  /** The next step that is not done here (waiting, STARTTLS). */
  next(timeoutMs: number): Promise<ServerStep> | ServerStep {
    if (this.#step === null && this.#socket.destroyed) this.#lose('closed');
    if (this.#step === null && this.#signal?.aborted === true) this.#lose('aborted');
    const step = this.#takeStep();
    if (step !== null) return step;
    return this.#wait('step', timeoutMs) as Promise<ServerStep>;
  }

  /**
   * Writes bytes of the message, which must not change afterwards; null at once when more may follow at once, else
   * resolves when more may, with what went wrong if something did.
   */
  write(bytes: Buffer, timeoutMs: number): Promise<ServerFailure | null> | ServerFailure | null {
    if (this.#step === null && this.dialogue.hasUnread) this.#follow(this.dialogue.receive());
    if (this.#step === null && this.#socket.destroyed) this.#lose('closed');
    const early = this.#takeStep();
    if (early !== null) return asFailure(early);
    const socket = this.#socket;
    if (bytes.length === 0 || socket.write(bytes) || socket.writableLength < socket.writableHighWaterMark) return null;
    if (this.#signal?.aborted === true) this.#lose('aborted');
    const step = this.#takeStep();
    return step === null ? this.#wait('drain', timeoutMs).then(asFailure) : asFailure(step);
  }

  /** Says goodbye, without waiting for the answer. The dialogue must not be in a transaction's body. */
  quit(): void {
    this.detach();
    const socket = this.#socket;
    if (this.#step !== null || this.#waiter !== null || socket.destroyed) return this.drop();
    this.onLost = null;
    this.#follow(this.dialogue.quit());
    const timer = setTimeout(() => socket.destroy(), goodbyeTimeoutMs);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
    socket.end();
  }

  /** Gives an open transaction up; what comes next waits for the server's answer. Resolves with whether it was good. */
  async reset(): Promise<boolean> {
    this.detach();
    const answer = Promise.resolve(this.ask((dialogue) => dialogue.abortTransaction(), goodbyeTimeoutMs));
    this.#reset = answer.then(() => undefined);
    const { kind } = await answer;
    this.#reset = null;
    if (kind !== 'ready') this.drop();
    return kind === 'ready';
  }

  /** Resolves when no `reset()` is under way. */
  async settled(): Promise<void> {
    await this.#reset;
  }

  drop(): void {
    this.detach();
    this.onLost = null;
    this.#socket.destroy();
  }

  #follow(turn: ServerTurn): void {
    if (turn.output.length > 0 && !this.#socket.destroyed) this.#socket.write(turn.output);
    if (turn.step.kind !== 'wait') this.#deliver(turn.step);
  }

  #deliver(step: ServerStep): void {
    if (step.kind === 'start-tls') {
      clearTimeout(this.#timer);
      void this.#startTls();
      return;
    }
    const waiter = this.#waiter;
    this.#waiter = null;
    clearTimeout(this.#timer);
    if (waiter !== null) waiter.resolve(step);
    else this.#step ??= step;
  }

  #takeStep(): ServerStep | null {
    const step = this.#step;
    this.#step = null;
    return step;
  }

  #wait(what: Waiter['for'], timeoutMs: number): Promise<ServerStep | null> {
    if (this.#waiter !== null) throw new Error('two wait for one server');
    return new Promise((resolve) => {
      this.#waiter = { for: what, timeoutMs, resolve };
      this.#timer = setTimeout(this.#onTimeout, Math.max(0, timeoutMs));
    });
  }

  #listen(): void {
    const socket = this.#socket;
    this.#options.onSocket?.(socket);
    socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose).on('drain', this.#onDrain);
  }

  async #startTls(): Promise<void> {
    const { host, endpoint, identity, connectTimeoutMs: timeoutMs } = this.#options;
    const { port, verify, ca, serverName } = endpoint;
    const socket = this.#socket;
    socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose).off('drain', this.#onDrain);
    socket.pause();
    this.#channel = 'handshake';
    const signal = this.#signal ?? undefined;
    try {
      this.#socket = await startTls(socket, { host, port, verify, ca, serverName, identity, timeoutMs, signal });
    } catch (error) {
      this.#ending = signal?.aborted === true ? 'aborted' : 'closed';
      this.#channel = 'settled';
      this.#follow(this.dialogue.closed(reasonOf(error)));
      return;
    }
    this.#channel = 'settled';
    this.#listen();
    if (this.#waiter !== null) this.#timer = setTimeout(this.#onTimeout, this.#waiter.timeoutMs);
    this.#follow(this.dialogue.tlsStarted());
  }

  /** The dialogue comes to an end; the step says so. */
  #lose(ending: 'closed' | 'timeout' | 'aborted', words = wordsOf(ending, this.#waiter?.timeoutMs ?? 0)): void {
    if (this.#ending === 'none') this.#ending = ending;
    const isAwaited = this.#waiter !== null;
    this.#follow(this.dialogue.closed(words));
    if (!isAwaited) this.#abandoned();
  }

  #abandoned(): void {
    this.#socket.destroy();
    const { onLost } = this;
    this.onLost = null;
    onLost?.();
  }

  readonly #onData = (chunk: Buffer): void => {
    const isAwaited = this.#waiter !== null;
    if (isAwaited && chunk.includes(10)) this.#timer?.refresh();
    this.#follow(this.dialogue.receive(chunk));
    if (!isAwaited && this.#step?.kind === 'failed') this.#abandoned();
  };

  // RFC 5321 §3.8: the server has said all it will; a half-open connection is of no use.
  readonly #onEnd = (): void => {
    this.#lose('closed');
    this.#socket.destroy();
  };

  readonly #onClose = (hadError: boolean): void => {
    if (this.#ending === 'none') this.#lose('closed', hadError ? 'the connection to the server failed' : undefined);
  };

  readonly #onDrain = (): void => {
    const waiter = this.#waiter;
    if (waiter?.for !== 'drain') return;
    this.#waiter = null;
    clearTimeout(this.#timer);
    waiter.resolve(null);
  };

  readonly #onTimeout = (): void => {
    if (this.#waiter !== null) this.#lose('timeout');
  };

  // A handshake hears the signal itself.
  readonly #onAbort = (): void => {
    if (this.#channel === 'settled' && !this.isLost) this.#lose('aborted');
  };
}

function asFailure(step: ServerStep | null): ServerFailure | null {
  if (step === null || step.kind === 'failed') return step;
  const reason = `the dialogue with the server came to "${step.kind}"`;
  return { kind: 'failed', stage: 'body', permanent: false, reply: null, reason, connection: 'spent' };
}

function wordsOf(ending: 'closed' | 'timeout' | 'aborted', timeoutMs: number): string {
  switch (ending) {
    case 'timeout':
      return `the server did not answer within ${timeoutMs} ms`;
    case 'aborted':
      return 'the message was given up';
    case 'closed':
      return 'the server closed the connection';
  }
}
