import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { systemCodeOf } from '../../errors.js';
import { type IdleEntry, IdleWheel } from '../../net/idle-wheel.js';
import { keepErrorsHandled } from '../../net/keep-errors-handled.js';
import type { FieldLines, Refusal, RequestHead } from '../../protocols/http/http-message.js';
import type { ClientEvents, ClientSide } from './client-side.js';
import { readHttp2Head } from './http2-head.js';
import { type Http2Limits, type Nuisance, nuisanceWeights } from './http2-limits.js';
import { type Http2StreamOptions, Http2StreamSide } from './http2-stream-side.js';
import type { WebConnection } from './web-client.js';
import { headLimits, lookAgainMs } from './web-limits.js';

export interface Http2Options {
  readonly limits: Http2Limits;
  /** A request has come; its body is held back until it is asked for. */
  readonly begin: (side: ClientSide) => ClientEvents;
  /** A request that was turned away, or why the connection is given up. */
  readonly onRefused: (refusal: Refusal) => void;
}

/** Requests are served; the running ones are finished; or nothing more will be said. */
type Phase = 'open' | 'draining' | 'leaving' | 'closed';

const wheel = new IdleWheel(lookAgainMs);
const lingerMs = 2000;
// All streams together; what they have taken in is given back at once, so that none of them waits for another.
const connectionWindowBytes = 1_048_576;
// More than the longest head of an answer makes; Node gives the whole connection up for a longer one.
const sentHeadBytesMax = 4 * headLimits.headBytesMax;
const pseudoFields = 4;

/** Serves a client that has chosen `h2` in its TLS handshake, which is over. */
export function serveHttp2(socket: TLSSocket, options: Http2Options): Http2Connection {
  return new Http2Connection(socket, options);
}

/**
 * A client's HTTP/2 connection. The library holds to its own limits: fields of one head and their bytes, CONTINUATION
 * frames (8), unanswered PING and SETTINGS acknowledgements (1000), empty and malformed frames (100), streams beyond
 * those that are allowed (100). What it lets through is counted here.
 */
export class Http2Connection implements IdleEntry, WebConnection {
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>;
  idlePlace = 0;
  readonly #socket: TLSSocket;
  readonly #session: ServerHttp2Session;
  readonly #options: Http2Options;
  readonly #streamOptions: Http2StreamOptions;
  readonly #sides = new Set<Http2StreamSide>();
  #phase: Phase = 'open';
  #requestCount = 0;
  #heldBytes = 0;
  #restingSinceMs = performance.now();
  #nuisances = 0;
  #nuisancesSinceMs = performance.now();

  constructor(socket: TLSSocket, options: Http2Options) {
    this.#socket = keepErrorsHandled(socket);
    this.#options = options;
    this.#streamOptions = {
      silenceTimeoutMs: options.limits.silenceTimeoutMs,
      isConnected: () => !socket.destroyed,
      onHeld: (side, change) => this.#hold(side, change),
      onSmallFrame: () => this.#count('small frames'),
      onClosed: (side, end) => {
        if (end === 'broken') this.#count('streams broken off');
        this.#leftBy(side);
      },
    };
    this.#session = performServerHandshake(socket, sessionOptions(options.limits));
    // A TLS socket that no TLS server has made never says that its handshake is over; the session waits for that.
    if (this.#session.connecting) socket.emit('secureConnect');
    this.closed = new Promise((resolve) => {
      const finish = (): void => resolve(this.#finish());
      if (socket.closed) process.nextTick(finish);
      else socket.once('close', finish);
    });
    this.#listen();
    wheel.watch(this);
  }

  /** Requests whose answers are not out yet. */
  get streamCount(): number {
    return this.#sides.size;
  }

  /** On the wire, inside TLS. */
  get bytesReceived(): number {
    return this.#socket.bytesRead;
  }

  get bytesSent(): number {
    return this.#socket.bytesWritten;
  }

  /** By `performance.now()`. */
  get idleEndAtMs(): number {
    const { headTimeoutMs, keepAliveTimeoutMs } = this.#options.limits;
    // It waits for a client that may take nothing.
    if (this.#session.destroyed) return this.#restingSinceMs;
    switch (this.#phase) {
      case 'open':
        if (this.#sides.size > 0) return Number.POSITIVE_INFINITY;
        return this.#restingSinceMs + (this.#requestCount === 0 ? headTimeoutMs : keepAliveTimeoutMs);
      case 'draining':
      case 'closed':
        return Number.POSITIVE_INFINITY;
      case 'leaving':
        return this.#restingSinceMs + lingerMs;
    }
  }

  idle(): void {
    if (this.#phase === 'leaving' || this.#session.destroyed) this.#socket.destroy();
    else this.drain();
  }

  /** GOAWAY: no more requests are taken; the running ones are finished, then the connection is closed. */
  drain(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'draining';
    this.#session.close();
    if (this.#sides.size === 0) this.#leave();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #listen(): void {
    const session = this.#session;
    if (!session.connecting && !session.destroyed) session.setLocalWindowSize(connectionWindowBytes);
    session.on('stream', (stream: ServerHttp2Stream, _headers: unknown, _flags: number, raw: FieldLines) =>
      this.#take(stream, raw),
    );
    session.on('ping', () => this.#count('pings'));
    session.on('remoteSettings', () => this.#count('settings changed'));
    session.on('error', (error) => this.#lost(error));
    // Node answers it by closing the session when the streams are over.
    session.on('goaway', () => this.drain());
    // RFC 9113 §6.8 knows no half-closed connection.
    this.#socket.once('end', () => this.#socket.destroy());
  }

  #take(stream: ServerHttp2Stream, raw: FieldLines): void {
    // A stream's end is told by `close`, with the code.
    stream.on('error', () => stream.close());
    this.#requestCount += 1;
    if (stream.closed || stream.destroyed) {
      this.#count('streams broken off');
      return;
    }
    if (this.#phase === 'leaving') {
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    const read = readHttp2Head(raw, stream.endAfterHeaders ? 'none' : 'follows');
    switch (read.kind) {
      case 'request':
        this.#begin(stream, read.head);
        return;
      case 'over-http1':
        this.#decline(stream, constants.NGHTTP2_HTTP_1_1_REQUIRED);
        return;
      case 'refused':
        this.#refuse(stream, read.refusal);
    }
  }

  #begin(stream: ServerHttp2Stream, head: RequestHead): void {
    const side = new Http2StreamSide(stream, head, this.#streamOptions);
    this.#sides.add(side);
    side.start(this.#options.begin);
  }

  #hold(side: Http2StreamSide, change: number): void {
    this.#heldBytes += change;
    if (change <= 0 || this.#heldBytes <= this.#options.limits.heldBytesMax) return;
    // The library may be in the middle of what it has read.
    setImmediate(() => {
      if (this.#heldBytes > this.#options.limits.heldBytesMax) side.tooMuch();
    });
  }

  #decline(stream: ServerHttp2Stream, code: number): void {
    this.#count('streams broken off');
    stream.close(code);
    stream.resume();
  }

  #refuse(stream: ServerHttp2Stream, refusal: Refusal): void {
    this.#options.onRefused(refusal);
    this.#count('streams broken off');
    stream.respond({ ':status': refusal.status, 'content-type': 'text/plain; charset=utf-8' });
    if (!stream.writableEnded) stream.end(`${refusal.text}\n`);
  }

  #count(nuisance: Nuisance): void {
    const { nuisancesMax, nuisanceTimeMs } = this.#options.limits;
    const nowMs = performance.now();
    if (nowMs - this.#nuisancesSinceMs > nuisanceTimeMs) {
      this.#nuisancesSinceMs = nowMs;
      this.#nuisances = 0;
    }
    this.#nuisances += nuisanceWeights[nuisance];
    if (this.#nuisances <= nuisancesMax || this.#phase === 'leaving' || this.#phase === 'closed') return;
    this.#options.onRefused({ status: 429, text: `too many ${nuisance}` });
    this.#leave();
    // The library may be in the middle of what it has read.
    const error = new Error(`too many ${nuisance}`);
    setImmediate(() => this.#session.destroy(error, constants.NGHTTP2_ENHANCE_YOUR_CALM));
  }

  /** Told when the session is over; the text is the library's. */
  #lost(error: Error): void {
    if (systemCodeOf(error)?.startsWith('ERR_HTTP2_') !== true) return;
    this.#options.onRefused({ status: 400, text: `HTTP/2 cannot go on: ${error.message}` });
  }

  #leftBy(side: Http2StreamSide): void {
    this.#sides.delete(side);
    if (this.#sides.size > 0) return;
    this.#restingSinceMs = performance.now();
    if (this.#phase === 'draining') this.#leave();
  }

  /** The session ends the connection; a client that does not end its side, or takes nothing, is not waited for. */
  #leave(): void {
    this.#phase = 'leaving';
    this.#restingSinceMs = performance.now();
    wheel.forget(this);
    wheel.watch(this);
  }

  #finish(): void {
    this.#phase = 'closed';
    wheel.forget(this);
    for (const side of this.#sides) side.broken();
  }
}

function sessionOptions({ streamsMax, windowBytes }: Http2Limits): Parameters<typeof performServerHandshake>[1] {
  return {
    maxHeaderListPairs: headLimits.fieldsMax + pseudoFields,
    maxSendHeaderBlockLength: sentHeadBytesMax,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    settings: {
      maxConcurrentStreams: streamsMax,
      maxHeaderListSize: headLimits.headBytesMax,
      initialWindowSize: windowBytes,
    },
  };
}
