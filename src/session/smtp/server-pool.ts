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

interface Rest {
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

class IdleConnections implements ServerPool {
  readonly #idleMax: number;
  readonly #idleTimeoutMs: number;
  readonly #messagesMax: number;
  /** By key, oldest first. */
  readonly #resting = new Map<string, Rest[]>();
  #sweeper: NodeJS.Timeout | null = null;
  #stage: 'open' | 'closed' = 'open';

  constructor({ idleMax = 250, idleTimeoutMs = 5000, messagesMax = 100 }: ServerPoolOptions) {
    this.#idleMax = idleMax;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#messagesMax = messagesMax;
  }

  get idleCount(): number {
    let count = 0;
    for (const rests of this.#resting.values()) count += rests.length;
    return count;
  }

  take(key: string): ServerConnection | null {
    const rests = this.#resting.get(key);
    for (;;) {
      const rest = rests?.pop();
      if (rest === undefined) return null;
      const { connection, sinceMs } = rest;
      if (!connection.isIdle) connection.drop();
      else if (performance.now() - sinceMs > this.#idleTimeoutMs) connection.quit();
      else {
        connection.onLost = null;
        connection.holdProcess(true);
        return connection;
      }
    }
  }

  give(key: string, connection: ServerConnection): void {
    connection.detach();
    const rests = this.#resting.get(key) ?? [];
    const isFull = rests.length >= this.#idleMax || connection.messageCount >= this.#messagesMax;
    if (this.#stage === 'closed' || isFull || !connection.isIdle) return connection.quit();
    if (rests.length === 0) this.#resting.set(key, rests);
    const rest = { connection, sinceMs: performance.now() };
    connection.onLost = () => remove(rests, rest);
    connection.holdProcess(false);
    rests.push(rest);
    this.#sweeper ??= setInterval(() => this.#sweep(), Math.max(1, this.#idleTimeoutMs / 4)).unref();
  }

  close(): void {
    this.#stage = 'closed';
    this.#sweep(Number.POSITIVE_INFINITY);
  }

  #sweep(nowMs = performance.now()): void {
    for (const [key, rests] of this.#resting) {
      while (rests[0] !== undefined && nowMs - rests[0].sinceMs > this.#idleTimeoutMs) rests.shift()?.connection.quit();
      if (rests.length === 0) this.#resting.delete(key);
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
