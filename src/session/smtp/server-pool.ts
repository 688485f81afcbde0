import { isAnonymous } from './introduce-client.js';
import type { Candidate } from './open-server.js';
import type { ServerConnection } from './server-connection.js';

export interface ServerPoolOptions {
  /** Idle connections to one server; default 250. */
  readonly idleMax?: number;
  /** Default 5000. */
  readonly idleTimeoutMs?: number;
  /** Messages over one connection; default 100. */
  readonly messagesMax?: number;
}

/** A connection that waits for a message, since when by `performance.now()`. */
export interface Rest {
  readonly connection: ServerConnection;
  readonly sinceMs: number;
}

/**
 * Connections to servers that wait for another message. One that is lost or spoken over is let go at once; none keeps
 * the process running.
 */
export interface ServerPool {
  readonly idleCount: number;
  /** The connection that rested the shortest time, ready for a message. */
  take(key: string): ServerConnection | null;
  /** Takes a connection between two messages over; ends it when it is not wanted. */
  give(key: string, connection: ServerConnection): void;
  /** Says goodbye to all; connections given later are ended too. */
  close(): void;
}

export function createServerPool(options: ServerPoolOptions = {}): ServerPool {
  return new IdleConnections(options);
}

/** Connections that can serve for one another and wait for a message. One that is lost or spoken over leaves at once. */
export class RestingConnections {
  /** The one that rested longest first. */
  readonly #rests: Rest[] = [];

  get count(): number {
    return this.#rests.length;
  }

  /** Takes over one that is idle and hears no signal; `onLost` is called when it is lost while it rests. */
  put(connection: ServerConnection, onLost: () => void = () => undefined): void {
    const rest = { connection, sinceMs: performance.now() };
    connection.onLost = () => {
      remove(this.#rests, rest);
      onLost();
    };
    connection.holdProcess(false);
    this.#rests.push(rest);
  }

  /** The one that rested the shortest time, if no longer than told; those that are unfit are ended. */
  take(idleTimeoutMs: number): Rest | null {
    for (;;) {
      const rest = this.#rests.pop();
      if (rest === undefined) return null;
      const { connection, sinceMs } = rest;
      if (!connection.isIdle) connection.drop();
      else if (performance.now() - sinceMs > idleTimeoutMs) connection.quit();
      else {
        connection.onLost = null;
        connection.holdProcess(true);
        return rest;
      }
    }
  }

  /** Says goodbye to those that have rested since before `beforeMs`. */
  end(beforeMs: number): void {
    while (this.#rests[0] !== undefined && this.#rests[0].sinceMs < beforeMs) this.#rests.shift()?.connection.quit();
  }
}

class IdleConnections implements ServerPool {
  readonly #idleMax: number;
  readonly #idleTimeoutMs: number;
  readonly #messagesMax: number;
  readonly #resting = new Map<string, RestingConnections>();
  #sweeper: NodeJS.Timeout | null = null;
  #stage: 'open' | 'closed' = 'open';

  constructor({ idleMax = 250, idleTimeoutMs = 5000, messagesMax = 100 }: ServerPoolOptions) {
    this.#idleMax = idleMax;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#messagesMax = messagesMax;
  }

  get idleCount(): number {
    let count = 0;
    for (const rests of this.#resting.values()) count += rests.count;
    return count;
  }

  take(key: string): ServerConnection | null {
    return this.#resting.get(key)?.take(this.#idleTimeoutMs)?.connection ?? null;
  }

  give(key: string, connection: ServerConnection): void {
    connection.detach();
    const rests = this.#resting.get(key) ?? new RestingConnections();
    const isFull = rests.count >= this.#idleMax || connection.messageCount >= this.#messagesMax;
    if (this.#stage === 'closed' || isFull || !connection.isIdle) return connection.quit();
    if (rests.count === 0) this.#resting.set(key, rests);
    rests.put(connection);
    this.#sweeper ??= setInterval(() => this.#sweep(), Math.max(1, this.#idleTimeoutMs / 4)).unref();
  }

  close(): void {
    this.#stage = 'closed';
    this.#sweep(Number.POSITIVE_INFINITY);
  }

  #sweep(beforeMs = performance.now() - this.#idleTimeoutMs): void {
    for (const [key, rests] of this.#resting) {
      rests.end(beforeMs);
      if (rests.count === 0) this.#resting.delete(key);
    }
    if (this.#resting.size > 0 || this.#sweeper === null) return;
    clearInterval(this.#sweeper);
    this.#sweeper = null;
  }
}

/** What connections must have in common to serve for one another; null: this endpoint wants one a client. */
export function poolKeyOf({ server, host, endpoint }: Candidate, heloName: string): string | null {
  if (!isAnonymous(endpoint)) return null;
  const { port, tls, verify, ca, serverName } = endpoint;
  return `${server}\n${host}\n${port}\n${tls}\n${verify}\n${ca ?? ''}\n${serverName ?? ''}\n${heloName}`;
}

function remove(rests: Rest[], rest: Rest): void {
  const at = rests.indexOf(rest);
  if (at >= 0) rests.splice(at, 1);
}
