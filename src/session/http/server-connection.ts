import type { Socket } from 'node:net';
import type { IdleEntry } from '../../net/idle-wheel.js';
import { IdleWheel } from '../../net/idle-wheel.js';
import { BodyReader } from '../../protocols/http/body-reader.js';
import { AnswerReader } from '../../protocols/http/head-reader.js';
import { lastChunkText } from '../../protocols/http/head-writer.js';
import type { AnswerHead, FieldLines } from '../../protocols/http/http-message.js';
import type { AnswerOwner, ServerLoss, ServerRequest } from './server-request.js';
import { bodyLimits, headLimits, interimAnswersMax, interimSpanMs, lookAgainMs } from './web-limits.js';
import { writeChunk } from './write-chunk.js';

export interface ServerConnectionEvents {
  /** The answer and the request are whole, and another request may follow. */
  onIdle(connection: ServerConnection): void;
  onClosed(connection: ServerConnection): void;
}

interface CarryingSocket extends Socket {
  [connectionOf]?: ServerConnection;
}

const connectionOf = Symbol('server connection');
const wheel = new IdleWheel(lookAgainMs);

/** Where the answer is: none is waited for, its head is, its body is, or it is whole and the request is not. */
type Phase = 'idle' | 'head' | 'body' | 'ended' | 'over';

/** One HTTP/1.1 connection to a mailbox server: one request at a time, the answer told as it comes. */
export class ServerConnection implements IdleEntry {
  readonly key: string;
  readonly socket: Socket;
  idlePlace = 0;
  idleSinceMs = performance.now();
  readonly #events: ServerConnectionEvents;
  readonly #reader = new AnswerReader(headLimits);
  readonly #idleTimeoutMs: number;
  #phase: Phase = 'idle';
  #owner: AnswerOwner | null = null;
  #method = '';
  #body: BodyReader | null = null;
  #sending: ServerRequest['body'] = 'none';
  #interimAnswers = 0;
  #interimAtMs = 0;
  #isReusable = true;
  #lastByteAtMs = performance.now();
  #silenceTimeoutMs = 0;
  #trailers: FieldLines | null = null;

  constructor(socket: Socket, key: string, idleTimeoutMs: number, events: ServerConnectionEvents) {
    this.socket = socket;
    this.key = key;
    this.#events = events;
    this.#idleTimeoutMs = idleTimeoutMs;
    const carrying: CarryingSocket = socket;
    carrying[connectionOf] = this;
    socket.allowHalfOpen = false;
    socket.on('data', onData).on('drain', onDrain).on('end', onEnd).on('close', onClose);
    wheel.watch(this);
  }

  get isIdle(): boolean {
    return this.#phase === 'idle' && this.socket.writable && !this.socket.readableEnded;
  }

  get idleEndAtMs(): number {
    if (this.#phase === 'idle') return this.idleSinceMs + this.#idleTimeoutMs;
    // It is not the server's to hurry while its answer is held back here.
    const isHeldBack = this.#phase === 'body' && this.socket.isPaused();
    return isHeldBack ? Number.POSITIVE_INFINITY : this.#lastByteAtMs + this.#silenceTimeoutMs;
  }

  idle(): void {
    if (this.#phase === 'idle') this.destroy();
    else this.#lose('the server was silent for too long', 'silent');
  }

  /** Sends a head; with a body the caller goes on with `sendData` and `sendEnd`. */
  begin(owner: AnswerOwner, request: ServerRequest): void {
    this.#phase = 'head';
    this.#interimAnswers = 0;
    this.#owner = owner;
    this.#method = request.method;
    this.#sending = request.body;
    this.#silenceTimeoutMs = request.silenceTimeoutMs;
    this.#lastByteAtMs = performance.now();
    this.socket.write(request.headText, 'latin1');
  }

  /** False: wait for `serverDrained`. */
  sendData(piece: Buffer): boolean {
    this.#lastByteAtMs = performance.now();
    return this.#sending === 'chunked' ? writeChunk(this.socket, piece) : this.socket.write(piece);
  }

  /** The request is whole. */
  sendEnd(trailers: FieldLines): void {
    if (this.#sending === 'chunked') this.socket.write(lastChunkText(trailers), 'latin1');
    this.#sending = 'none';
    this.#lastByteAtMs = performance.now();
    if (this.#phase === 'ended') this.#settle();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.#lastByteAtMs = performance.now();
    this.socket.resume();
  }

  /** No other request is to follow the one that it carries. */
  retire(): void {
    this.#isReusable = false;
  }

  /** Nothing was sent on it after all. */
  release(): void {
    this.idleSinceMs = performance.now();
    this.#events.onIdle(this);
  }

  /** Nobody waits for the answer any more. */
  destroy(): void {
    this.#owner = null;
    this.#phase = 'over';
    this.socket.destroy();
  }

  take(chunk: Buffer): void {
    this.#lastByteAtMs = performance.now();
    let from = 0;
    while (from < chunk.length) {
      switch (this.#phase) {
        case 'head':
          from = this.#readHead(chunk, from);
          break;
        case 'body':
          from = this.#readBody(chunk, from);
          break;
        case 'idle':
        case 'ended':
          // RFC 9112 §6.3: what comes unasked for is nobody's answer.
          this.#isReusable = false;
          from = chunk.length;
          break;
        case 'over':
          return;
      }
    }
    if (this.#phase === 'ended' && this.#trailers !== null) this.#finish(this.#trailers);
    else if (this.#phase === 'idle') this.destroy();
    else this.#owner?.answerPaused();
  }

  #readHead(chunk: Buffer, from: number): number {
    const step = this.#reader.read(chunk, from, this.#method);
    if (step.kind === 'more') return chunk.length;
    if (step.kind === 'refused') return this.#refuse(step.refusal.text, chunk);
    const { head, end } = step;
    if (head.status === 101) return this.#handOver(head, chunk, end);
    if (head.status < 200) {
      // Those of a long job come now and then (RFC 2518 §10.1), those of a flood at once.
      this.#interimAnswers = this.#lastByteAtMs - this.#interimAtMs < interimSpanMs ? this.#interimAnswers + 1 : 1;
      this.#interimAtMs = this.#lastByteAtMs;
      if (this.#interimAnswers > interimAnswersMax) return this.#refuse('too many interim answers', chunk);
      this.#owner?.answerInterim(head);
      return end;
    }
    if (!head.isPersistent || head.framing.kind === 'until-close') this.#isReusable = false;
    this.#phase = 'body';
    this.#body = new BodyReader(head.framing, bodyLimits, this);
    this.#owner?.answerHead(head);
    this.#body.start();
    return end;
  }

  #readBody(chunk: Buffer, from: number): number {
    const body = this.#body;
    if (body === null) return chunk.length;
    const end = body.read(chunk, from);
    return body.refusal === null ? end : this.#refuse(body.refusal.text, chunk);
  }

  #refuse(why: string, { length }: Buffer): number {
    this.#lose(`the server's answer cannot be used: ${why}`, 'unusable');
    return length;
  }

  /** The body reader's. */
  bodyData(piece: Buffer): void {
    this.#owner?.answerData(piece);
  }

  /** The body reader's. */
  bodyEnd(trailers: FieldLines): void {
    if (this.#phase === 'body') this.#phase = 'ended';
    this.#trailers = trailers;
  }

  /** The answer is whole; the connection is free when the request is, too. */
  #finish(trailers: FieldLines): void {
    const owner = this.#owner;
    this.#trailers = null;
    this.#body = null;
    if (this.#sending === 'none') this.#settle();
    owner?.answerEnd(trailers);
  }

  #settle(): void {
    this.#owner = null;
    if (!this.#isReusable) {
      this.#phase = 'over';
      this.socket.destroySoon();
      return;
    }
    this.#phase = 'idle';
    this.idleSinceMs = this.#lastByteAtMs;
    // The last piece may have been more than its reader could take.
    this.socket.resume();
    this.#events.onIdle(this);
  }

  #handOver(head: AnswerHead, chunk: Buffer, end: number): number {
    const { socket } = this;
    const owner = this.#owner;
    socket.off('data', onData).off('drain', onDrain).off('end', onEnd).off('close', onClose);
    socket.pause();
    this.#owner = null;
    this.#phase = 'over';
    wheel.forget(this);
    this.#events.onClosed(this);
    owner?.upgraded(head, socket, chunk.subarray(end));
    return chunk.length;
  }

  drained(): void {
    this.#owner?.serverDrained();
  }

  ended(): void {
    if (this.#phase === 'body' && this.#body?.end() === true) this.#finish(this.#trailers ?? []);
    else this.#lose('the server closed the connection', 'closed');
  }

  closed(): void {
    wheel.forget(this);
    this.#events.onClosed(this);
    this.#lose(this.socket.errored?.message ?? 'the server closed the connection', 'closed');
  }

  #lose(reason: string, loss: ServerLoss): void {
    const owner = this.#owner;
    this.#owner = null;
    this.#phase = 'over';
    this.socket.destroy();
    owner?.serverLost(reason, loss);
  }
}

function onData(this: CarryingSocket, chunk: Buffer): void {
  this[connectionOf]?.take(chunk);
}

function onDrain(this: CarryingSocket): void {
  this[connectionOf]?.drained();
}

function onEnd(this: CarryingSocket): void {
  this[connectionOf]?.ended();
}

function onClose(this: CarryingSocket): void {
  this[connectionOf]?.closed();
}
