import type { ServerConnection } from '../smtp/server-connection.js';
import type { ServerPool } from '../smtp/server-pool.js';
import type { Afterwards } from '../smtp/server-transaction.js';
import { isInStep } from './outbound-connection-check.js';
import { type Grant, OutboundConnectionLane } from './outbound-connection-lane.js';

/** Of the connections of one key; those of the newest claim hold for all of them. */
export interface ConnectionLimits {
  /** Open or being opened. */
  readonly connectionsMax: number;
  /** Over one connection. */
  readonly messagesMax: number;
  /** 0: each connection ends with its message. */
  readonly idleTimeoutMs: number;
  /** For the answer that shows that a connection is alive; default 5000. */
  readonly replyTimeoutMs?: number | undefined;
}

export interface ClaimWait {
  /** In line, when there are as many connections as may be. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * An idle connection, to be attached to a signal, or leave to open one: then `opened` or `failed` must be called. The
 * message lets the connection go by way of `afterwards`, or drops it.
 */
export type Claim =
  | { readonly kind: 'idle'; readonly connection: ServerConnection; readonly afterwards: Afterwards }
  | {
      readonly kind: 'leave';
      readonly afterwards: Afterwards;
      /** As soon as there is a connection, before the first word of the server. */
      opened(connection: ServerConnection): void;
      /** There will be none; does nothing after `opened`. */
      failed(): void;
    };

/**
 * The connections to hosts outside, reused and limited by key, which holds all that they must have in common: the
 * host, what is asked of TLS, the credentials. Idle ones do not keep the process running. `take` gives an idle one
 * without asking whether the server still answers.
 */
export interface OutboundConnections extends ServerPool {
  /** Open or promised, those included that were told goodbye and are not gone yet. */
  readonly count: number;
  /** Keys that take room. */
  readonly keyCount: number;
  /**
   * A connection that is alive and in step, or leave to open a new one; null when none came free in time or a thousand
   * others wait. Claims of one key are served in the order they come. Rejects only with the signal's reason.
   */
  claim(key: string, limits: ConnectionLimits, wait: ClaimWait): Promise<Claim | null>;
  /** Idle connections say goodbye, later ones when they come back; claims go on, for messages that are on their way. */
  close(): void;
}

export interface OutboundConnectionsOptions {
  /** A connection that rested no longer is taken to be alive; default 1000. */
  readonly freshMs?: number;
}

/** Starts without connections. */
export function createOutboundConnections({ freshMs = 1000 }: OutboundConnectionsOptions = {}): OutboundConnections {
  return new ConnectionsByKey(freshMs);
}

const tendEveryMs = 50;
const replyTimeoutDefaultMs = 5000;

class ConnectionsByKey implements OutboundConnections {
  readonly #freshMs: number;
  readonly #lanes = new Map<string, OutboundConnectionLane>();
  #tending: NodeJS.Timeout | null = null;
  #stage: 'open' | 'closed' = 'open';

  constructor(freshMs: number) {
    this.#freshMs = freshMs;
  }

  get count(): number {
    let count = 0;
    for (const lane of this.#lanes.values()) count += lane.count;
    return count;
  }

  get idleCount(): number {
    let count = 0;
    for (const lane of this.#lanes.values()) count += lane.idleCount;
    return count;
  }

  get keyCount(): number {
    return this.#lanes.size;
  }

  async claim(key: string, limits: ConnectionLimits, wait: ClaimWait): Promise<Claim | null> {
    wait.signal.throwIfAborted();
    const lane = this.#laneOf(key, limits);
    const grant = lane.ask(limits) ?? (await lane.join(wait));
    if (grant === null) return null;
    const afterwards: Afterwards = { kind: 'pool', pool: this, key };
    const isCertain = grant.kind === 'leave' || this.#isFresh(grant);
    const sure = isCertain ? grant : await this.#check(lane, grant, limits, wait.signal);
    return sure.kind === 'idle'
      ? { kind: 'idle', connection: sure.connection, afterwards }
      : { kind: 'leave', afterwards, ...useOnce(lane) };
  }

  take(key: string): ServerConnection | null {
    const grant = this.#lanes.get(key)?.takeResting();
    return grant?.kind === 'idle' ? grant.connection : null;
  }

  give(key: string, connection: ServerConnection): void {
    const lane = this.#lanes.get(key);
    if (lane === undefined) connection.quit();
    else lane.give(connection, this.#stage === 'open' ? 'keep' : 'end');
  }

  close(): void {
    this.#stage = 'closed';
    for (const lane of this.#lanes.values()) lane.endResting();
  }

  #laneOf(key: string, limits: ConnectionLimits): OutboundConnectionLane {
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane = new OutboundConnectionLane(limits);
    this.#lanes.set(key, lane);
    this.#tending ??= setInterval(() => this.#tend(), tendEveryMs).unref();
    return lane;
  }

  #isFresh({ sinceMs }: Extract<Grant, { kind: 'idle' }>): boolean {
    return sinceMs === null || performance.now() - sinceMs <= this.#freshMs;
  }

  /** Of the connections that rest, the first that answers; leave to open one when none does in time. */
  async #check(
    lane: OutboundConnectionLane,
    first: Extract<Grant, { kind: 'idle' }>,
    { replyTimeoutMs = replyTimeoutDefaultMs }: ConnectionLimits,
    signal: AbortSignal,
  ): Promise<Grant> {
    const endAt = performance.now() + replyTimeoutMs;
    for (let grant = first; ; ) {
      const { connection } = grant;
      lane.promise(connection);
      const isGood = await isInStep(connection, signal, Math.max(1, endAt - performance.now()));
      if (isGood) {
        lane.keep(connection);
        return grant;
      }
      if (signal.aborted) {
        lane.renounce();
        throw signal.reason;
      }
      const next = performance.now() < endAt ? lane.takeResting() : null;
      if (next?.kind !== 'idle') return { kind: 'leave' };
      lane.renounce();
      if (this.#isFresh(next)) return next;
      grant = next;
    }
  }

  #tend(): void {
    const nowMs = performance.now();
    for (const [key, lane] of this.#lanes) {
      lane.tend(nowMs);
      if (lane.isEmpty) this.#lanes.delete(key);
    }
    if (this.#lanes.size > 0 || this.#tending === null) return;
    clearInterval(this.#tending);
    this.#tending = null;
  }
}

/** The two ways to use a leave. */
function useOnce(lane: OutboundConnectionLane): Pick<Extract<Claim, { kind: 'leave' }>, 'opened' | 'failed'> {
  let stage: 'pending' | 'used' = 'pending';
  return {
    opened(connection) {
      if (stage === 'used') throw new Error('a leave to open a connection was used twice');
      stage = 'used';
      lane.keep(connection);
    },
    failed() {
      if (stage === 'used') return;
      stage = 'used';
      lane.renounce();
    },
  };
}
