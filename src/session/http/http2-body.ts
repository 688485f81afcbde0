import type { ServerHttp2Stream } from 'node:http2';
import type { FieldLines } from '../../protocols/http/http-message.js';
import { readTrailers, trailerStart } from '../../protocols/http/trailer-fields.js';
import { bodyDeadlineMs } from './body-deadline.js';
import { http2FieldKey, isBadHttp2Value } from './http2-head.js';
import { smallFrameBytes } from './http2-limits.js';
import { bodyLimits } from './web-limits.js';

/** Who takes a request's body. */
export interface Http2BodyEvents {
  bodyCame(chunk: Buffer): void;
  bodyWhole(trailers: FieldLines): void;
  bodyMalformed(reason: string): void;
  /** So many more bytes have come that nobody has taken; or fewer. */
  bodyHeld(change: number): void;
  /** A piece came that is hardly worth its frame. */
  smallFrame(): void;
}

/** The body of one request, held back from the start. While it is, the stream's window bounds what has come. */
export class Http2Body {
  readonly #stream: ServerHttp2Stream;
  readonly #events: Http2BodyEvents;
  #flow: 'held' | 'flowing' | 'over' = 'held';
  #trailers: FieldLines = [];
  #heldBytes = 0;
  #lastPiece: 'small' | 'large' = 'large';
  /** When it was last asked for, what came of it since, and when. */
  #flowingSinceMs = 0;
  #bytes = 0;
  #cameAtMs = 0;

  constructor(stream: ServerHttp2Stream, events: Http2BodyEvents) {
    this.#stream = stream;
    this.#events = events;
    stream.pause();
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('trailers', (_headers: unknown, _flags: number, raw: FieldLines) => this.#takeTrailers(raw));
    stream.on('end', () => this.#ended());
    this.#watchFrames();
  }

  /** When the client that sends it is given up, by `performance.now()`. */
  deadlineMs(silenceTimeoutMs: number): number {
    if (this.#flow !== 'flowing') return Number.POSITIVE_INFINITY;
    return bodyDeadlineMs(this.#flowingSinceMs, this.#cameAtMs, this.#bytes, silenceTimeoutMs);
  }

  resume(): void {
    if (this.#flow !== 'held') return;
    this.#flow = 'flowing';
    this.#flowingSinceMs = this.#cameAtMs = performance.now();
    this.#bytes = 0;
    this.#stream.resume();
  }

  pause(): void {
    if (this.#flow !== 'flowing') return;
    this.#flow = 'held';
    this.#stream.pause();
  }

  /** Nobody waits for the rest: it is dropped, as a stream that is not read to its end is never closed. */
  drop(): void {
    if (this.#flow === 'over') return;
    this.#flow = 'over';
    this.#hold(-this.#heldBytes);
    this.#stream.resume();
  }

  #take(chunk: Buffer): void {
    if (this.#flow === 'over') return;
    this.#cameAtMs = performance.now();
    this.#bytes += chunk.length;
    this.#hold(-chunk.length);
    this.#events.bodyCame(chunk);
  }

  #takeTrailers(raw: FieldLines): void {
    if (this.#flow === 'over') return;
    const trailers = trailersOf(raw);
    if (trailers === null) this.#events.bodyMalformed('the trailers are malformed');
    else this.#trailers = trailers;
  }

  // A reset of the stream looks the same, but for the stream being closed.
  #ended(): void {
    if (this.#flow === 'over' || this.#stream.closed) return;
    this.#flow = 'over';
    this.#events.bodyWhole(this.#trailers);
  }

  #hold(change: number): void {
    this.#heldBytes += change;
    this.#events.bodyHeld(change);
  }

  /** Sees each piece as it comes, also while nobody reads. */
  #watchFrames(): void {
    const stream = this.#stream;
    this.#hold(stream.readableLength);
    const push = stream.push.bind(stream);
    stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      if (Buffer.isBuffer(chunk) && this.#flow !== 'over') {
        this.#hold(chunk.length);
        this.#measure(chunk.length);
      }
      return push(chunk, encoding);
    };
  }

  // A large frame comes in two pieces, one of them small, where a TLS record ends within it.
  #measure(bytes: number): void {
    const isSmall = bytes < smallFrameBytes;
    if (isSmall && this.#lastPiece === 'small') this.#events.smallFrame();
    this.#lastPiece = isSmall ? 'small' : 'large';
  }
}

/** Those that may follow a body, as the reader of HTTP/1.1 knows them; null: they are malformed. */
function trailersOf(raw: FieldLines): FieldLines | null {
  let section = trailerStart.toString('latin1');
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    if (http2FieldKey(name) !== name || isBadHttp2Value(value)) return null;
    section += `${name}: ${value}\r\n`;
  }
  return section.length > bodyLimits.trailerBytesMax ? null : readTrailers(section, bodyLimits.trailersMax);
}
