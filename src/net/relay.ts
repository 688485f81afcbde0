import type { Socket } from 'node:net';
import { type IdleEntry, IdleWheel } from './idle-wheel.js';

/** What a relay carried, and who or what ended it first; `reason` says more of an error, an abort or an idle end. */
export interface Relayed {
  readonly bytesFromClient: number;
  readonly bytesFromServer: number;
  readonly ended: 'client' | 'server' | 'idle' | 'aborted' | 'drained' | 'error';
  readonly reason: string | null;
}

/** What the server has said, followed so far that we know where words of ours can stand. */
export interface ServerStream {
  push(chunk: Buffer): void;
  /** Whether everything that was begun is finished. */
  readonly isComplete: boolean;
}

export interface RelayOptions {
  readonly client: Socket;
  readonly server: Socket;
  /** Without a byte from either side for so long, both are closed. */
  readonly idleTimeoutMs: number;
  /** Has seen what the client was told so far. */
  readonly stream: ServerStream;
  /** What was passed on before, to be counted too. */
  readonly bytesBefore?: { readonly fromClient: number; readonly fromServer: number };
}

/** Whoever had two sockets joined; told once both are destroyed. */
export interface RelayOwner {
  relayEnded(relayed: Relayed): void;
}

type Side = 'client' | 'server';

interface JoinedSocket extends Socket {
  [relayOf]?: Relay;
}

const relayOf = Symbol('relay');
const wheel = new IdleWheel();
// After an error on one side, the other has so long to take what was already written to it.
const lingerMs = 5000;
// A peer that neither closes nor sends after the other side ended is not waited for as long as a live one.
const halfOpenIdleMs = 60_000;
const quietMs = 250;
const drainMsMax = 30_000;

/**
 * Joins two sockets until both directions have ended: an end on one side is passed on as an end, an error ends both.
 * Nobody else may read them; bytes already read or unshifted are carried too. Both are destroyed when the owner is
 * told. A side is read only while the other takes bytes, so that no more than the sockets' own buffers are held.
 * Thousands of relays are idle most of the time: their handlers are shared and their timers one wheel.
 */
export class Relay implements IdleEntry {
  readonly #client: JoinedSocket;
  readonly #server: JoinedSocket;
  readonly #stream: ServerStream;
  readonly #owner: RelayOwner;
  #idleTimeoutMs: number;
  #lastByteAtMs = performance.now();
  #spokeLast: Side = 'server';
  #bytesFromClient: number;
  #bytesFromServer: number;
  #open = 2;
  #state: 'carrying' | 'closing' | 'over' = 'carrying';
  #ended: Relayed['ended'] | null = null;
  #reason: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  idlePlace = 0;

  constructor({ client, server, idleTimeoutMs, stream, bytesBefore }: RelayOptions, owner: RelayOwner) {
    this.#client = client;
    this.#server = server;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#stream = stream;
    this.#owner = owner;
    this.#bytesFromClient = bytesBefore?.fromClient ?? 0;
    this.#bytesFromServer = bytesBefore?.fromServer ?? 0;
  }

  get idleEndAtMs(): number {
    return this.#lastByteAtMs + this.#idleTimeoutMs;
  }

  start(): void {
    wheel.watch(this);
    this.#join(this.#client, this.#server);
    this.#join(this.#server, this.#client);
  }

  idle(): void {
    this.#first('idle', `no bytes for ${this.#idleTimeoutMs} ms`);
    this.#destroyBoth();
  }

  abort(reason: string): void {
    this.#first('aborted', reason);
    this.#destroyBoth();
  }

  /**
   * Says `words` to the client and closes both sides when the server has finished what it was saying, owes no answer
   * and nothing was said for 250 ms; after `drainMs` in any case, without words where they would fall into something.
   */
  endWhenQuiet(words: Buffer, drainMs = drainMsMax): void {
    if (this.#state !== 'carrying' || this.#timer !== null) return;
    this.#awaitQuiet(words, performance.now() + drainMs);
  }

  #awaitQuiet(words: Buffer, endAtMs: number): void {
    if (this.#state !== 'carrying') return;
    const nowMs = performance.now();
    const leftMs = this.#lastByteAtMs + quietMs - nowMs;
    const hasRoom = this.#stream.isComplete && this.#client.writableLength === 0;
    if (hasRoom && leftMs <= 0 && this.#spokeLast === 'server') return this.#sayGoodbye(words);
    if (nowMs >= endAtMs) return this.#sayGoodbye(hasRoom ? words : null);
    const waitMs = Math.min(leftMs > 0 ? leftMs : quietMs, endAtMs - nowMs);
    this.#timer = setTimeout(() => this.#awaitQuiet(words, endAtMs), waitMs);
  }

  /** The client may take its time to read the words; what it still says goes nowhere. */
  #sayGoodbye(words: Buffer | null): void {
    this.#first('drained', null);
    this.#state = 'closing';
    this.#client.resume();
    if (words === null || words.length === 0) this.#client.end();
    else this.#client.end(words);
    this.#server.destroySoon();
    this.#timer = setTimeout(() => this.#destroyBoth(), lingerMs);
  }

  #join(from: JoinedSocket, to: Socket): void {
    from[relayOf] = this;
    from.allowHalfOpen = true;
    from.on('close', onClose);
    if (from.closed) {
      process.nextTick(() => this.socketClosed(from));
      return;
    }
    if (from.readableEnded) {
      this.passOnEnd(from);
      return;
    }
    from.on('data', onData).on('end', onEnd);
    to.on('drain', onDrain);
    if (to.writableNeedDrain) from.pause();
    else from.resume();
  }

  /** A joined socket has brought bytes. */
  take(from: Socket, chunk: Buffer): void {
    const to = this.#otherThan(from);
    if (this.#state !== 'carrying' || to.destroyed) return;
    this.#lastByteAtMs = performance.now();
    if (from === this.#server) {
      this.#spokeLast = 'server';
      this.#bytesFromServer += chunk.length;
      this.#stream.push(chunk);
    } else {
      this.#spokeLast = 'client';
      this.#bytesFromClient += chunk.length;
    }
    if (!to.write(chunk)) from.pause();
  }

  /** A joined socket takes bytes again. */
  drained(to: Socket): void {
    this.#otherThan(to).resume();
  }

  #otherThan(socket: Socket): Socket {
    return socket === this.#client ? this.#server : this.#client;
  }

  /** A joined socket's peer has said its last. */
  passOnEnd(from: Socket): void {
    this.#first(from === this.#client ? 'client' : 'server', null);
    if (this.#state !== 'carrying') return;
    this.#otherThan(from).end();
    this.#lastByteAtMs = performance.now();
    this.#idleTimeoutMs = Math.min(this.#idleTimeoutMs, halfOpenIdleMs);
    wheel.forget(this);
    wheel.watch(this);
  }

  /** The first cause is the relay's; a later error only adds its text. */
  #first(ended: Relayed['ended'], reason: string | null): void {
    this.#ended ??= ended;
    this.#reason ??= reason;
  }

  /** A joined socket is gone. */
  socketClosed(closed: Socket): void {
    const side: Side = closed === this.#client ? 'client' : 'server';
    this.#open -= 1;
    if (closed.errored === null) this.#first(side, null);
    else this.#first('error', `${side}: ${closed.errored.message}`);
    if (this.#open === 0) this.#done();
    else if (this.#state === 'carrying' && !(closed.readableEnded && closed.writableFinished)) {
      this.#finish(this.#otherThan(closed));
    }
  }

  /** The other side was cut off: this one gets what is on its way to it, then goes too. */
  #finish(other: Socket): void {
    this.#state = 'closing';
    other.resume();
    other.destroySoon();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => other.destroy(), lingerMs);
  }

  #destroyBoth(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  #done(): void {
    this.#state = 'over';
    wheel.forget(this);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#owner.relayEnded({
      bytesFromClient: this.#bytesFromClient,
      bytesFromServer: this.#bytesFromServer,
      ended: this.#ended ?? 'error',
      reason: this.#reason,
    });
  }
}

function onData(this: JoinedSocket, chunk: Buffer): void {
  this[relayOf]?.take(this, chunk);
}

function onDrain(this: JoinedSocket): void {
  this[relayOf]?.drained(this);
}

function onEnd(this: JoinedSocket): void {
  this[relayOf]?.passOnEnd(this);
}

function onClose(this: JoinedSocket): void {
  this[relayOf]?.socketClosed(this);
}
