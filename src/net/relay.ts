import type { Socket } from 'node:net';
import { keepErrorsHandled } from './keep-errors-handled.js';

export interface RelayOptions {
  /** Without a byte from either side for so long, both are closed. */
  readonly idleTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a relay carried, and who or what ended it first; `reason` says more of an error, an abort or an idle end. */
export interface Relayed {
  readonly bytesFromClient: number;
  readonly bytesFromServer: number;
  readonly ended: 'client' | 'server' | 'idle' | 'aborted' | 'error';
  readonly reason?: string;
}

const keepAliveDelayMs = 60_000;
// After an error on one side, the other has so long to take what was already written to it.
const lingerMs = 5_000;
// A peer that neither closes nor sends after the other side ended is not waited for as long as a live one.
const halfOpenIdleMs = 60_000;

/**
 * Joins two sockets until both directions have ended: an end on one side is passed on as an end, an error ends both.
 * The caller must have taken its own `data` listeners off; bytes already read or unshifted are carried too.
 * Never rejects; both sockets are destroyed when it resolves. A side is read only while the other takes
 * bytes, so no more than the sockets' own buffers are held.
 */
export function relay(client: Socket, server: Socket, options: RelayOptions): Promise<Relayed> {
  return new Promise((resolve) => new Relay(client, server, options, resolve).start());
}

// Measured against stream.pipe(): the same within noise (60 to 90 µs of CPU a round trip, 0.7 to 1.1 s a GB);
// this way the bytes are counted and an end is passed on without a second set of listeners.
class Relay {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #options: RelayOptions;
  readonly #resolve: (relayed: Relayed) => void;
  #idle: NodeJS.Timeout;
  readonly #onAbort = (): void => {
    this.#first('aborted', String(this.#options.signal?.reason ?? 'aborted'));
    this.#destroyBoth();
  };
  #bytesFromClient = 0;
  #bytesFromServer = 0;
  #open = 2;
  #ended: Relayed['ended'] | null = null;
  #reason: string | null = null;
  #linger: NodeJS.Timeout | null = null;

  constructor(client: Socket, server: Socket, options: RelayOptions, resolve: (relayed: Relayed) => void) {
    this.#client = client;
    this.#server = server;
    this.#options = options;
    this.#resolve = resolve;
    this.#idle = this.#idleTimer(options.idleTimeoutMs);
  }

  start(): void {
    this.#join('client', this.#client, this.#server, (length) => (this.#bytesFromClient += length));
    this.#join('server', this.#server, this.#client, (length) => (this.#bytesFromServer += length));
    this.#options.signal?.addEventListener('abort', this.#onAbort);
    if (this.#options.signal?.aborted === true) this.#onAbort();
  }

  #join(side: 'client' | 'server', from: Socket, to: Socket, count: (length: number) => void): void {
    keepErrorsHandled(from).setTimeout(0).setKeepAlive(true, keepAliveDelayMs).setNoDelay(true);
    from.allowHalfOpen = true;
    from.on('error', (error) => this.#first('error', `${side}: ${error.message}`));
    from.on('close', () => this.#onClose(side, from, to));
    if (from.closed) {
      process.nextTick(() => this.#onClose(side, from, to));
      return;
    }
    const onEnd = (): void => {
      this.#first(side, null);
      to.end();
      clearTimeout(this.#idle);
      this.#idle = this.#idleTimer(Math.min(this.#options.idleTimeoutMs, halfOpenIdleMs));
    };
    if (from.readableEnded) {
      onEnd();
      return;
    }
    from.on('data', (chunk: Buffer) => {
      if (to.destroyed) return;
      this.#idle.refresh();
      count(chunk.length);
      if (!to.write(chunk)) from.pause();
    });
    from.on('end', onEnd);
    to.on('drain', () => from.resume());
    if (!to.writableNeedDrain) from.resume();
  }

  /** The first cause is the relay's; a later error only adds its text. */
  #first(ended: Relayed['ended'], reason: string | null): void {
    this.#ended ??= ended;
    this.#reason ??= reason;
  }

  #idleTimer(timeoutMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#first('idle', `no bytes for ${timeoutMs} ms`);
      this.#destroyBoth();
    }, timeoutMs);
  }

  #onClose(side: 'client' | 'server', closed: Socket, other: Socket): void {
    this.#open -= 1;
    this.#first(closed.errored === null ? side : 'error', null);
    if (this.#open === 0) this.#done();
    else if (!closed.readableEnded || !closed.writableFinished) this.#finish(other);
  }

  /** The other side was cut off: this one gets what is on its way to it, then goes too. */
  #finish(other: Socket): void {
    other.resume();
    other.destroySoon();
    this.#linger = setTimeout(() => other.destroy(), lingerMs);
  }

  #destroyBoth(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  #done(): void {
    clearTimeout(this.#idle);
    if (this.#linger !== null) clearTimeout(this.#linger);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#resolve({
      bytesFromClient: this.#bytesFromClient,
      bytesFromServer: this.#bytesFromServer,
      ended: this.#ended ?? 'error',
      ...(this.#reason === null ? {} : { reason: this.#reason }),
    });
  }
}
