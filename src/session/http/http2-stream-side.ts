import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { reasonOf } from '../../errors.js';
import { type IdleEntry, IdleWheel } from '../../net/idle-wheel.js';
import type { FieldLines, RequestHead } from '../../protocols/http/http-message.js';
import type { ClientAnswer, ClientEvents, ClientSide } from './client-side.js';
import { http2AnswerFields, http2Fields } from './http2-answer.js';
import { Http2Body, type Http2BodyEvents } from './http2-body.js';
import { lookAgainMs } from './web-limits.js';

/** How a stream ended: its answer is out; we broke it off; or the client did, or sent what it must not. */
export type StreamEnd = 'answered' | 'aborted' | 'broken';

export interface Http2StreamOptions {
  readonly silenceTimeoutMs: number;
  readonly isConnected: () => boolean;
  readonly onSmallFrame: () => void;
  /** So many more bytes of its body wait to be asked for; or fewer. */
  readonly onHeld: (side: Http2StreamSide, change: number) => void;
  readonly onClosed: (side: Http2StreamSide, end: StreamEnd) => void;
}

/**
 * What was sent of the answer: nothing; its head, with data to come or as all there is; everything; or it was broken
 * off by us or by the client.
 */
type Answer = 'none' | 'begun' | 'bodiless' | 'ended' | 'aborted' | 'broken';

interface CarryingStream extends ServerHttp2Stream {
  [sideOf]?: Http2StreamSide;
}

const sideOf = Symbol('http2 stream side');
const wheel = new IdleWheel();
const noFields: FieldLines = [];
const queuedBytesMax = 65_536;
const bodilessStatus = new Set([204, 205, 304]);
const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_PROTOCOL_ERROR } =
  constants;

/** The client's half of one exchange on an HTTP/2 stream. */
export class Http2StreamSide implements ClientSide, IdleEntry, Http2BodyEvents {
  readonly request: RequestHead;
  idlePlace = 0;
  readonly #stream: CarryingStream;
  readonly #options: Http2StreamOptions;
  #events: ClientEvents | null = null;
  /** Null when it is whole, or nobody waits for the rest of it. */
  #body: Http2Body | null = null;
  #answer: Answer = 'none';
  #trailers: FieldLines | null = null;
  #isBlocked = false;
  /** When the client had last taken all there was. */
  #takenAtMs = 0;

  constructor(stream: ServerHttp2Stream, request: RequestHead, options: Http2StreamOptions) {
    this.#stream = stream;
    this.request = request;
    this.#options = options;
    this.#stream[sideOf] = this;
  }

  /** Hands the request to an exchange. */
  start(begin: (side: ClientSide) => ClientEvents): void {
    const stream = this.#stream;
    stream.on('drain', onDrain).on('aborted', onAborted).on('finish', onFinish).on('close', onClose);
    wheel.watch(this);
    if (this.request.framing.kind !== 'none') this.#body = new Http2Body(stream, this);
    const events = begin(this);
    if (this.#answer === 'aborted') return;
    this.#events = events;
    if (this.#body === null) this.bodyWhole(noFields);
  }

  /** By `performance.now()`. */
  get idleEndAtMs(): number {
    const lookMs = Math.min(lookAgainMs, this.#options.silenceTimeoutMs);
    return Math.min(this.#deadlineMs(), performance.now() + lookMs);
  }

  // A body that is held back and an answer that is still to come are not the client's to hurry.
  #deadlineMs(): number {
    const { silenceTimeoutMs } = this.#options;
    const isSending = this.#answer === 'ended' || this.#stream.writableLength > 0;
    const untakenAtMs = isSending ? this.#takenAtMs + silenceTimeoutMs : Number.POSITIVE_INFINITY;
    return Math.min(untakenAtMs, this.#body?.deadlineMs(silenceTimeoutMs) ?? Number.POSITIVE_INFINITY);
  }

  idle(): void {
    this.#breakOff(NGHTTP2_CANCEL, 'the client moved nothing for too long');
  }

  resumeBody(): void {
    this.#body?.resume();
  }

  pauseBody(): void {
    this.#body?.pause();
  }

  sendInterim(status: number, fields: FieldLines): void {
    if (this.#answer !== 'none' || this.#isOver() || status === 101) return;
    const out = http2Fields(fields);
    out[constants.HTTP2_HEADER_STATUS] = status;
    this.#guard(() => this.#stream.additionalHeaders(out));
  }

  sendHead(answer: ClientAnswer): void {
    if (this.#answer !== 'none') return;
    const { status, fields, framing } = answer;
    const isBodiless = framing.kind === 'none' || bodilessStatus.has(status) || this.request.method === 'HEAD';
    this.#answer = isBodiless ? 'bodiless' : 'begun';
    if (this.#isOver()) return;
    // RFC 9110 §6.6.2: what is not announced may be dropped, and Node must know before the head goes out.
    const waitForTrailers = !isBodiless && framing.kind === 'chunked' && announcesTrailers(fields);
    if (waitForTrailers) this.#stream.on('wantTrailers', onWantTrailers);
    const options = { endStream: isBodiless, sendDate: false, waitForTrailers };
    this.#guard(() => this.#stream.respond(http2AnswerFields(answer), options));
  }

  sendData(chunk: Buffer): boolean {
    if (this.#answer !== 'begun' || chunk.length === 0 || this.#isOver()) return true;
    const stream = this.#stream;
    if (stream.writableLength === 0) this.#takenAtMs = performance.now();
    stream.write(chunk);
    this.#isBlocked = stream.writableNeedDrain && stream.writableLength > queuedBytesMax;
    return !this.#isBlocked;
  }

  sendEnd(trailers: FieldLines): void {
    if (this.#answer !== 'begun' && this.#answer !== 'bodiless') return;
    this.#answer = 'ended';
    this.#trailers = trailers;
    if (this.#stream.writableLength === 0) this.#takenAtMs = performance.now();
    if (this.#body === null) this.#events = null;
    if (this.#isOver()) return;
    this.#stream.end();
    if (this.#stream.writableFinished) this.answerOut();
  }

  /** Node gathers what is written in one turn. */
  flush(): void {}

  abort(): void {
    if (this.#answer === 'ended') return;
    this.#events = null;
    this.#answer = 'aborted';
    this.#breakOff(NGHTTP2_INTERNAL_ERROR, 'the answer was broken off');
  }

  takeOver(_head: ClientAnswer): Socket | null {
    return null;
  }

  bodyCame(chunk: Buffer): void {
    this.#events?.bodyData(chunk);
  }

  bodyWhole(trailers: FieldLines): void {
    const events = this.#events;
    this.#body = null;
    if (this.#answer === 'ended') this.#events = null;
    events?.bodyEnd(trailers);
  }

  bodyMalformed(reason: string): void {
    this.#breakOff(NGHTTP2_PROTOCOL_ERROR, reason);
  }

  bodyHeld(change: number): void {
    this.#options.onHeld(this, change);
  }

  /** More waits to be asked for than a connection may hold. */
  tooMuch(): void {
    if (this.#body !== null) this.#breakOff(NGHTTP2_ENHANCE_YOUR_CALM, 'too much of the body came unasked for');
  }

  smallFrame(): void {
    this.#options.onSmallFrame();
  }

  drained(): void {
    this.#takenAtMs = performance.now();
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    if (this.#answer !== 'ended') this.#events?.clientDrained();
  }

  sendTrailers(): void {
    this.#guard(() => this.#stream.sendTrailers(http2Fields(this.#trailers ?? noFields)));
    // Node sends them in an immediate of its own, which runs before this one.
    setImmediate(() => this.answerOut());
  }

  /** RFC 9113 §8.1: the rest of a body that nobody needs any more is declined, once the answer is out. */
  answerOut(): void {
    if (this.#answer !== 'ended' || this.#body === null) return;
    if (this.#stream.listenerCount('wantTrailers') > 0 && this.#stream.sentTrailers === undefined) return;
    setImmediate(() => {
      this.#stream.close(NGHTTP2_NO_ERROR);
      this.#gone('the answer came before the body was whole');
    });
  }

  /** The client broke the stream off, or the connection is gone. */
  broken(): void {
    if (this.#answer !== 'aborted' && this.#answer !== 'ended') this.#answer = 'broken';
    const name = errorName(this.#stream.rstCode);
    this.#gone(this.#options.isConnected() ? `the client broke the request off (${name})` : 'the client left');
  }

  closed(): void {
    wheel.forget(this);
    this.broken();
    this.#options.onClosed(this, this.#end());
  }

  #end(): StreamEnd {
    if (this.#answer === 'aborted') return 'aborted';
    return this.#answer === 'ended' && this.#stream.rstCode === NGHTTP2_NO_ERROR ? 'answered' : 'broken';
  }

  #isOver(): boolean {
    return this.#stream.closed || this.#stream.destroyed;
  }

  #gone(reason: string): void {
    const events = this.#events;
    this.#events = null;
    this.#body?.drop();
    this.#body = null;
    events?.clientGone(reason);
  }

  #breakOff(code: number, reason: string): void {
    if (this.#answer !== 'ended' && this.#answer !== 'aborted') this.#answer = 'broken';
    this.#gone(reason);
    // Once the head is out, `close` would end the answer as if it were whole before it resets the stream.
    if (!this.#stream.headersSent) this.#stream.close(code);
    this.#stream.destroy(new Error(reason));
  }

  /** Node throws at what it will not send. */
  #guard(send: () => void): void {
    try {
      send();
    } catch (error) {
      this.#answer = 'aborted';
      this.#breakOff(NGHTTP2_INTERNAL_ERROR, `the answer cannot be sent over HTTP/2: ${reasonOf(error)}`);
    }
  }
}

function announcesTrailers(fields: FieldLines): boolean {
  return fields.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'trailer');
}

const errorNames: ReadonlyMap<number, string> = new Map([
  [constants.NGHTTP2_NO_ERROR, 'NO_ERROR'],
  [constants.NGHTTP2_PROTOCOL_ERROR, 'PROTOCOL_ERROR'],
  [constants.NGHTTP2_INTERNAL_ERROR, 'INTERNAL_ERROR'],
  [constants.NGHTTP2_FLOW_CONTROL_ERROR, 'FLOW_CONTROL_ERROR'],
  [constants.NGHTTP2_STREAM_CLOSED, 'STREAM_CLOSED'],
  [constants.NGHTTP2_FRAME_SIZE_ERROR, 'FRAME_SIZE_ERROR'],
  [constants.NGHTTP2_REFUSED_STREAM, 'REFUSED_STREAM'],
  [constants.NGHTTP2_CANCEL, 'CANCEL'],
  [constants.NGHTTP2_ENHANCE_YOUR_CALM, 'ENHANCE_YOUR_CALM'],
]);

function errorName(code = NGHTTP2_NO_ERROR): string {
  return errorNames.get(code) ?? `code ${code}`;
}

function onDrain(this: CarryingStream): void {
  this[sideOf]?.drained();
}

function onWantTrailers(this: CarryingStream): void {
  this[sideOf]?.sendTrailers();
}

function onAborted(this: CarryingStream): void {
  this[sideOf]?.broken();
}

function onFinish(this: CarryingStream): void {
  this[sideOf]?.answerOut();
}

function onClose(this: CarryingStream): void {
  this[sideOf]?.closed();
}
