import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { BodyReader } from '../../protocols/http/body-reader.js';
import { RequestReader } from '../../protocols/http/head-reader.js';
import type { FieldLines, Refusal, RequestHead } from '../../protocols/http/http-message.js';
import { AnswerWriter } from './answer-writer.js';
import type { Answer } from './answers.js';
import { ByteIntake, type ByteTaker } from './byte-intake.js';
import { ClientClock, type ClientWait } from './client-clock.js';
import type { ClientAnswer, ClientEvents, ClientSide } from './client-side.js';
import type { Http1Options, Http1Phase } from './http1-options.js';
import type { WebConnection } from './web-client.js';
import { bodyLimits, halfOpenTimeoutMs, headLimits, lingerMs, unreadBodyTimeoutMs } from './web-limits.js';

const noFields: FieldLines = [];
const clientClosed = 'the client closed the connection';

/** A client's connection that speaks HTTP/1.1: one request after another, each with its answer before the next. */
export class Http1Connection implements ClientSide, WebConnection, ByteTaker {
  readonly #socket: Socket;
  readonly #options: Http1Options;
  readonly #reader = new RequestReader(headLimits);
  readonly #writer: AnswerWriter;
  readonly #clock: ClientClock;
  readonly #intake: ByteIntake;
  #phase: Http1Phase = 'idle';
  #request: RequestHead | null = null;
  #events: ClientEvents | null = null;
  #body: BodyReader | null = null;
  #bodyFlow: 'held' | 'flowing' = 'held';
  #hasBodyBegun = false;
  #sequel: 'keep' | 'close' = 'keep';

  constructor(socket: Socket, options: Http1Options) {
    this.#socket = socket;
    this.#options = options;
    this.#writer = new AnswerWriter(socket);
    this.#intake = new ByteIntake(socket, this);
    this.#clock = new ClientClock({
      ...options,
      isBehind: () => socket.writableLength > 0,
      onLate: () => this.#late(),
    });
  }

  get request(): RequestHead {
    if (this.#request === null) throw new Error('no request has come');
    return this.#request;
  }

  start(): void {
    this.#intake.start();
  }

  drain(): void {
    this.#sequel = 'close';
    if (this.#phase === 'idle') this.#leave();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  // What comes.

  get isReading(): boolean {
    if (this.#phase === 'body') return this.#bodyFlow === 'flowing';
    return this.#phase !== 'answering' && this.#phase !== 'tunnel';
  }

  get isListening(): boolean {
    return this.#phase === 'answering';
  }

  step(chunk: Buffer, from: number): number {
    if (this.#phase === 'body') return this.#readBody(chunk, from);
    return this.#phase === 'closing' ? chunk.length : this.#readHead(chunk, from);
  }

  #readHead(chunk: Buffer, from: number): number {
    const step = this.#reader.read(chunk, from);
    switch (step.kind) {
      case 'head':
        this.#begin(step.head);
        return step.end;
      case 'refused':
        this.#refuse(step.refusal);
        return chunk.length;
      case 'more':
        if (this.#phase === 'idle' && this.#reader.hasBegun) this.#enter('head', 'head');
        return chunk.length;
    }
  }

  #begin(head: RequestHead): void {
    this.#request = head;
    this.#writer.expect();
    this.#bodyFlow = 'held';
    this.#hasBodyBegun = false;
    this.#enter('body', 'nothing');
    if (!head.isPersistent) this.#sequel = 'close';
    this.#body = head.framing.kind === 'none' ? null : new BodyReader(head.framing, bodyLimits, this);
    this.#events = this.#options.begin(this);
    if (this.#body === null) this.bodyEnd(noFields);
    else this.#body.start();
  }

  #readBody(chunk: Buffer, from: number): number {
    const body = this.#body;
    if (body === null) return chunk.length;
    const end = body.read(chunk, from);
    this.#clock.moved(end - from);
    this.#hasBodyBegun = true;
    if (body.refusal === null) return end;
    this.#options.onRefused(body.refusal);
    this.#giveUp('the body is malformed', body.refusal);
    return chunk.length;
  }

  /** The body reader's. */
  bodyData(piece: Buffer): void {
    this.#events?.bodyData(piece);
  }

  /** The body reader's. */
  bodyEnd(trailers: FieldLines): void {
    if (this.#phase !== 'body') return;
    this.#clock.limit(null);
    this.#enter('answering', this.#socket.readableEnded ? 'farewell' : 'reading');
    this.#events?.bodyEnd(trailers);
    this.#nextIfAnswered();
  }

  resumeBody(): void {
    if (this.#bodyFlow === 'flowing' || this.#phase !== 'body') return;
    this.#bodyFlow = 'flowing';
    this.#clock.waitFor(this.request.method.startsWith('RPC_') ? 'channel' : 'body');
    this.#intake.goOn();
  }

  pauseBody(): void {
    if (this.#phase !== 'body') return;
    this.#bodyFlow = 'held';
    this.#clock.waitFor('nothing');
    this.#intake.hold();
  }

  // What is answered.

  sendInterim(status: number, fields: FieldLines): void {
    if (this.#writer.state === 'none' && this.request.version !== '1.0') this.#writer.interim(status, fields);
  }

  sendHead(answer: ClientAnswer): void {
    this.#clock.moved();
    if (this.#isNextUnsure) this.#sequel = 'close';
    this.#sequel = this.#writer.head(answer, this.request, this.#sequel);
  }

  /** A client may still send the body that it held back, or frames of the protocol it wanted. */
  get #isNextUnsure(): boolean {
    const { expectsContinue, upgrade } = this.request;
    return upgrade !== null || (expectsContinue && this.#phase === 'body' && !this.#hasBodyBegun);
  }

  sendData(piece: Buffer): boolean {
    if (this.#socket.writableLength === 0) this.#clock.moved();
    return this.#writer.data(piece);
  }

  flush(): void {
    this.#writer.flush();
  }

  sendEnd(trailers: FieldLines): void {
    this.#writer.end(trailers);
    if (this.#phase !== 'body') return this.#nextIfAnswered();
    if (this.request.expectsContinue && !this.#hasBodyBegun) return this.#leave();
    this.#clock.limit(unreadBodyTimeoutMs);
    this.resumeBody();
  }

  #enter(phase: Http1Phase, wait: ClientWait): void {
    this.#phase = phase;
    this.#clock.waitFor(wait);
  }

  /** For HTTP/1.0 only a reset tells a broken answer from a whole one. */
  abort(): void {
    this.#events = null;
    this.#phase = 'closing';
    // TLS cannot reset; there the missing close_notify tells.
    if (this.#writer.state === 'begun' && !(this.#socket instanceof TLSSocket)) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  takeOver(answer: ClientAnswer): Socket | null {
    this.sendHead(answer);
    this.flush();
    this.#phase = 'tunnel';
    this.#clock.stop();
    this.#events = null;
    return this.#intake.letGo();
  }

  #nextIfAnswered(): void {
    if (this.#phase !== 'answering' || this.#writer.state !== 'ended') return;
    this.#events = null;
    this.#body = null;
    if (this.#sequel === 'close' || this.#intake.isAtEnd) return this.#leave();
    this.#clock.limit(null);
    this.#enter('idle', 'request');
    this.#intake.goOn();
  }

  /** Ends our side; what the client still sends is dropped until it ends its own, as a reset could destroy the answer. */
  #leave(): void {
    const events = this.#events;
    this.#events = null;
    this.#enter('closing', 'reading');
    this.#clock.limit(this.#options.silenceTimeoutMs);
    if (this.#socket.readableEnded) this.#socket.destroySoon();
    else this.#socket.end(() => this.#clock.limit(lingerMs));
    this.#intake.dropAll();
    events?.clientGone('the answer came before the body');
  }

  /** Answers for no request, and leaves. */
  #say(answer: Answer): void {
    this.#writer.say(answer);
    this.#leave();
  }

  #refuse(refusal: Refusal): void {
    this.#options.onRefused(refusal);
    this.#say(refusal);
  }

  #giveUp(reason: string, refusal: Refusal | null = null): void {
    const events = this.#events;
    this.#events = null;
    if (refusal !== null && this.#writer.state === 'none') this.#say(refusal);
    else if (this.#writer.state === 'ended') this.#leave();
    else this.#socket.destroy();
    events?.clientGone(reason);
  }

  #late(): void {
    switch (this.#phase) {
      case 'idle':
        this.#leave();
        return;
      case 'head':
        this.#refuse({ status: 408, text: 'the request did not come in time' });
        return;
      case 'body':
      case 'answering':
        this.#giveUp(this.#socket.readableEnded ? clientClosed : 'the client moved nothing for too long');
        return;
      case 'closing':
        this.#socket.destroy();
        return;
      case 'tunnel':
    }
  }

  drained(): void {
    this.#clock.moved();
    this.#events?.clientDrained();
  }

  /** The client has ended its side. */
  ended(): void {
    switch (this.#phase) {
      case 'idle':
      case 'closing':
        this.#phase = 'closing';
        this.#socket.destroySoon();
        return;
      case 'head':
      case 'body':
        if (this.#intake.isAtEnd) this.#giveUp('the client closed the connection within its request');
        else this.#clock.limit(halfOpenTimeoutMs);
        return;
      case 'answering':
        this.#clock.waitFor('farewell');
        return;
      case 'tunnel':
    }
  }

  closed(): void {
    this.#clock.stop();
    const events = this.#events;
    this.#events = null;
    events?.clientGone(this.#socket.errored?.message ?? clientClosed);
    this.#options.onClosed();
  }
}
