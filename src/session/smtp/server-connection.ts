import type { Socket } from 'node:net';
import { reasonOf } from '../../errors.js';
import { awaitEvent } from '../../net/await-event.js';
import { connectTo } from '../../net/connect.js';
import { startTls } from '../../net/start-tls.js';
import { SmtpServerDialogue } from '../../protocols/smtp/server-dialogue.js';
import type { ServerFailure, ServerStep, ServerTurn } from '../../protocols/smtp/server-step.js';
import type { Endpoint } from '../../topology/endpoints.js';
import { firstOf } from './first-of.js';

export interface ServerConnectionOptions {
  readonly host: string;
  readonly endpoint: Endpoint;
  readonly heloName: string;
  /** For the connection, and again for a STARTTLS handshake. */
  readonly connectTimeoutMs: number;
  /** Raised: whatever is awaited fails at once. */
  readonly signal: AbortSignal;
}

const goodbyeTimeoutMs = 5000;

/** One connection to a server: the dialogue and the socket it goes over. */
export class ServerConnection {
  readonly dialogue: SmtpServerDialogue;
  readonly #options: ServerConnectionOptions;
  #socket: Socket;
  #step: ServerStep | null = null;

  private constructor(options: ServerConnectionOptions, socket: Socket) {
    const { heloName, endpoint } = options;
    this.dialogue = new SmtpServerDialogue({ heloName, tls: endpoint.tls, credentials: null });
    this.#options = options;
    this.#socket = socket;
  }

  /** Rejects with ConnectFailure, or with the signal's reason. */
  static async open(options: ServerConnectionOptions): Promise<ServerConnection> {
    const { host, endpoint, connectTimeoutMs: timeoutMs, signal } = options;
    const { port, verify, ca, serverName } = endpoint;
    const tls = endpoint.tls === 'implicit' ? 'implicit' : 'none';
    const socket = await connectTo({ host, port, tls, verify, ca, serverName, timeoutMs, signal });
    return new ServerConnection(options, socket);
  }

  /** Writes what a call of the dialogue gave; its step, if any, is the next one. */
  follow(turn: ServerTurn): void {
    if (turn.output.length > 0 && !this.#socket.destroyed) this.#socket.write(turn.output);
    if (turn.step.kind !== 'wait') this.#step = turn.step;
  }

  /** The next step that is not done here (waiting, STARTTLS). The time begins anew with every line of the server. */
  async next(timeoutMs: number): Promise<ServerStep> {
    let endAt = performance.now() + timeoutMs;
    for (;;) {
      const step = this.#step;
      this.#step = null;
      if (step !== null && step.kind !== 'start-tls') return step;
      if (step !== null) {
        await this.#startTls();
        continue;
      }
      const chunk = this.#socket.read() as Buffer | null;
      if (chunk !== null) {
        if (chunk.includes(10)) endAt = performance.now() + timeoutMs;
        this.follow(this.dialogue.receive(chunk));
        continue;
      }
      const awaited = await awaitEvent(this.#socket, 'readable', endAt - performance.now(), this.#options.signal);
      if (awaited.kind !== 'happened') this.follow(this.dialogue.closed(wordsOf(awaited.kind, timeoutMs)));
    }
  }

  /** Writes bytes of the message; resolves when more may follow, with what went wrong if something did. */
  async write(bytes: Buffer, timeoutMs: number): Promise<ServerFailure | null> {
    const early = this.#unasked();
    if (early !== null) return early;
    if (bytes.length === 0 || this.#socket.write(bytes)) return null;
    for (;;) {
      const limits = { timeoutMs, signal: this.#options.signal };
      const event = await firstOf(this.#socket, ['drain', 'readable', 'end', 'close'], limits);
      if (event === 'drain') return null;
      const failure = event === 'readable' ? this.#unasked() : this.#lost(wordsOf(event, timeoutMs));
      if (failure !== null) return failure;
    }
  }

  /** Says goodbye, without waiting for the answer. */
  quit(): void {
    this.follow(this.dialogue.quit());
    const socket = this.#socket;
    const timer = setTimeout(() => socket.destroy(), goodbyeTimeoutMs);
    timer.unref();
    socket.once('close', () => clearTimeout(timer)).once('end', () => socket.destroy());
    socket.end();
    socket.resume();
  }

  /** Gives an open transaction up, then says goodbye. */
  async abandon(): Promise<void> {
    this.follow(this.dialogue.abortTransaction());
    const step = await this.next(goodbyeTimeoutMs);
    if (step.kind === 'ready') this.quit();
    else this.drop();
  }

  drop(): void {
    this.#socket.destroy();
  }

  async #startTls(): Promise<void> {
    const { host, endpoint, connectTimeoutMs: timeoutMs, signal } = this.#options;
    const { port, verify, ca, serverName } = endpoint;
    try {
      this.#socket = await startTls(this.#socket, { host, port, verify, ca, serverName, timeoutMs, signal });
    } catch (error) {
      this.follow(this.dialogue.closed(reasonOf(error)));
      return;
    }
    this.follow(this.dialogue.tlsStarted());
  }

  /** What the server said or did while it was to listen; null when nothing. */
  #unasked(): ServerFailure | null {
    const chunk = this.#socket.read() as Buffer | null;
    if (chunk !== null) return asFailure(this.dialogue.receive(chunk).step);
    return this.#socket.destroyed || this.#socket.readableEnded ? this.#lost(wordsOf('closed', 0)) : null;
  }

  #lost(reason: string): ServerFailure | null {
    return asFailure(this.dialogue.closed(reason).step);
  }
}

function asFailure(step: ServerStep): ServerFailure | null {
  return step.kind === 'failed' ? step : null;
}

function wordsOf(why: 'failed' | 'closed' | 'end' | 'close' | 'timeout' | 'aborted', timeoutMs: number): string {
  switch (why) {
    case 'timeout':
      return `the server did not answer within ${timeoutMs} ms`;
    case 'aborted':
      return 'the message was given up';
    case 'failed':
      return 'the connection to the server failed';
    case 'closed':
    case 'end':
    case 'close':
      break;
  }
  return 'the server closed the connection';
}
