import { type IdleEntry, IdleWheel } from '../../net/idle-wheel.js';
import { bodyDeadlineMs } from './body-deadline.js';
import { halfOpenTimeoutMs, lookAgainMs } from './web-limits.js';

/**
 * What a client is waited for: its next request; the rest of a head; the rest of a body; of a body that is a channel of
 * its own; to take what was written; the rest of its answer, as it has ended its side; nothing.
 */
export type ClientWait = 'request' | 'head' | 'body' | 'channel' | 'reading' | 'farewell' | 'nothing';

export interface ClientClockOptions {
  readonly headTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly silenceTimeoutMs: number;
  /** Whether bytes for the client wait. */
  readonly isBehind: () => boolean;
  readonly onLate: () => void;
}

const wheel = new IdleWheel(lookAgainMs);
// MS-RPCH §2.1.2: such a body stays open for hours and may say nothing for long.
const channelSilenceTimeoutMs = 2 * 3_600_000;

/** How long a client is waited for; a sign of life costs nothing. */
export class ClientClock implements IdleEntry {
  idlePlace = 0;
  readonly #options: ClientClockOptions;
  #wait: ClientWait = 'head';
  #sinceMs = performance.now();
  #movedAtMs = performance.now();
  #endAtMs = Number.POSITIVE_INFINITY;
  #bodyBytes = 0;

  constructor(options: ClientClockOptions) {
    this.#options = options;
    wheel.watch(this);
  }

  get idleEndAtMs(): number {
    return Math.min(this.#endAtMs, this.#deadlineMs());
  }

  #deadlineMs(): number {
    const { headTimeoutMs, keepAliveTimeoutMs, silenceTimeoutMs, isBehind } = this.#options;
    switch (this.#wait) {
      case 'request':
        return this.#movedAtMs + keepAliveTimeoutMs;
      case 'head':
        return this.#sinceMs + headTimeoutMs;
      case 'body':
        return bodyDeadlineMs(this.#sinceMs, this.#movedAtMs, this.#bodyBytes, silenceTimeoutMs);
      case 'channel':
        return this.#movedAtMs + channelSilenceTimeoutMs;
      case 'reading':
        return isBehind() ? this.#movedAtMs + silenceTimeoutMs : Number.POSITIVE_INFINITY;
      case 'farewell':
        return this.#movedAtMs + halfOpenTimeoutMs;
      case 'nothing':
        return Number.POSITIVE_INFINITY;
    }
  }

  idle(): void {
    this.#options.onLate();
  }

  /** Something came or was taken; `bodyBytes` of it are a body's. */
  moved(bodyBytes = 0): void {
    this.#movedAtMs = performance.now();
    this.#bodyBytes += bodyBytes;
  }

  waitFor(wait: ClientWait): void {
    this.#wait = wait;
    this.#sinceMs = this.#movedAtMs = performance.now();
    this.#bodyBytes = 0;
    // Others last longer than the time between two looks, or begin with one.
    if (wait === 'head' || wait === 'farewell') this.#lookSoon();
  }

  /** It is over after so long in any case; null takes that back. */
  limit(durationMs: number | null): void {
    this.#endAtMs = durationMs === null ? Number.POSITIVE_INFINITY : performance.now() + durationMs;
    if (durationMs !== null) this.#lookSoon();
  }

  #lookSoon(): void {
    wheel.forget(this);
    wheel.watch(this);
  }

  stop(): void {
    wheel.forget(this);
  }
}
