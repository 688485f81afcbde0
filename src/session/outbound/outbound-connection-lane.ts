import type { ServerConnection } from '../smtp/server-connection.js';
import { RestingConnections } from '../smtp/server-pool.js';
import type { ClaimWait, ConnectionLimits } from './outbound-connections.js';

/** What a claim is granted: a connection, resting since when (null: handed over as it came back), or leave to open one. */
export type Grant =
  | { readonly kind: 'idle'; readonly connection: ServerConnection; readonly sinceMs: number | null }
  | { readonly kind: 'leave' };

interface Waiter {
  settle(grant: Grant | null): void;
}

const lineLengthMax = 1000;
const leave: Grant = { kind: 'leave' };

/** The connections of one key, and the line of those that wait for one. */
export class OutboundConnectionLane {
  #limits: ConnectionLimits;
  /** In use, resting, and those that were told goodbye until they are gone. */
  readonly #open = new Set<ServerConnection>();
  /** Places of connections that are being opened or checked. */
  #promisedCount = 0;
  readonly #resting = new RestingConnections();
  readonly #line = new Set<Waiter>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Open or promised. */
  get count(): number {
    let count = this.#promisedCount;
    for (const connection of this.#open) if (!connection.isLost) count += 1;
    return count;
  }

  get idleCount(): number {
    return this.#resting.count;
  }

  get isEmpty(): boolean {
    return this.#open.size === 0 && this.#promisedCount === 0 && this.#line.size === 0;
  }

  /** What can be had at once, not ahead of the line; the limits hold for all from now on. */
  ask(limits: ConnectionLimits): Grant | null {
    this.#limits = limits;
    return this.#line.size > 0 ? null : this.#grant();
  }

  /** Waits in line; null: in vain, or the line is too long. Rejects with the signal's reason. */
  join({ timeoutMs, signal }: ClaimWait): Promise<Grant | null> {
    if (this.#line.size >= lineLengthMax) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      const step = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.#line.delete(waiter);
      };
      const waiter: Waiter = {
        settle(grant) {
          step();
          resolve(grant);
        },
      };
      const onAbort = (): void => {
        step();
        reject(signal.reason as Error);
      };
      const onTimeout = (): void => {
        this.#serve();
        if (this.#line.has(waiter)) waiter.settle(null);
      };
      const timer = setTimeout(onTimeout, Math.max(0, timeoutMs));
      signal.addEventListener('abort', onAbort);
      this.#line.add(waiter);
    });
  }

  /** A connection that rests, whoever waits. */
  takeResting(): Grant | null {
    const rest = this.#resting.take(this.#limits.idleTimeoutMs);
    return rest === null ? null : { kind: 'idle', ...rest };
  }

  /** The place of a connection in use is kept, whatever becomes of it, until `keep` or `renounce`. */
  promise(connection: ServerConnection): void {
    this.#open.delete(connection);
    this.#promisedCount += 1;
  }

  /** A promised place is that of this connection. */
  keep(connection: ServerConnection): void {
    this.#promisedCount -= 1;
    this.#open.add(connection);
  }

  /** A promised place is free. */
  renounce(): void {
    this.#promisedCount -= 1;
    this.#serve();
  }

  /** Takes a connection between two messages back: for the first in line, to rest, or to end. */
  give(connection: ServerConnection, wish: 'keep' | 'end'): void {
    connection.detach();
    const { connectionsMax, messagesMax, idleTimeoutMs } = this.#limits;
    const isSpent = connection.messageCount >= messagesMax || idleTimeoutMs === 0;
    const isSurplus = !this.#open.has(connection) || this.#open.size + this.#promisedCount > connectionsMax;
    if (wish === 'end' || isSpent || isSurplus || !connection.isIdle) return this.#end(connection);
    const [first] = this.#line;
    if (first === undefined) this.#resting.put(connection, () => this.#leave(connection));
    else first.settle({ kind: 'idle', connection, sinceMs: null });
  }

  /** Says goodbye to all that rest. */
  endResting(): void {
    this.#resting.end(Number.POSITIVE_INFINITY);
  }

  /** Does what no event tells of: connections that others dropped leave, those idle too long end, the line moves on. */
  tend(nowMs: number): void {
    this.#resting.end(nowMs - this.#limits.idleTimeoutMs);
    this.#forgetLost();
    this.#serve();
  }

  #grant(): Grant | null {
    const rest = this.takeResting();
    if (rest !== null) return rest;
    const { connectionsMax } = this.#limits;
    if (this.#open.size + this.#promisedCount >= connectionsMax) this.#forgetLost();
    if (this.#open.size + this.#promisedCount >= connectionsMax) return null;
    this.#promisedCount += 1;
    return leave;
  }

  #serve(): void {
    for (const waiter of this.#line) {
      const grant = this.#grant();
      if (grant === null) return;
      waiter.settle(grant);
    }
  }

  #end(connection: ServerConnection): void {
    connection.quit();
    if (connection.isLost) this.#leave(connection);
    else connection.onLost = () => this.#leave(connection);
  }

  #leave(connection: ServerConnection): void {
    if (this.#open.delete(connection)) this.#serve();
  }

  #forgetLost(): void {
    for (const connection of this.#open) if (connection.isLost) this.#open.delete(connection);
  }
}
