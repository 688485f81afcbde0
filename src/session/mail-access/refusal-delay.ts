const delayMsMin = 1000;
const delayMsMax = 15_000;

/** How long a refused login is held back before its answer: 1 s for the first, twice as long for each one more, up to 15 s. */
export function refusalDelayMs(refusedCount: number): number {
  return Math.min(delayMsMin * 2 ** Math.max(0, refusedCount - 1), delayMsMax);
}

const rememberedCount = 16;
const tookMsMax = 5000;

/**
 * How long mailbox servers take to refuse a password. A name that nobody has never reaches a server; it is refused
 * as late as a wrong password was, so that the time does not tell the two apart.
 */
export class RefusalPace {
  readonly #tookMs: number[] = [];
  #next = 0;

  /** A server has refused a password after so long. */
  serverRefused(tookMs: number): void {
    this.#tookMs.unshift(Math.min(tookMs, tookMsMax));
    this.#tookMs.length = Math.min(this.#tookMs.length, rememberedCount);
  }

  /** How long the next refusal without a server is to take: the remembered ones in turn, 0 while there are none. */
  nextMs(): number {
    if (this.#tookMs.length === 0) return 0;
    this.#next = (this.#next + 1) % this.#tookMs.length;
    return this.#tookMs[this.#next] ?? 0;
  }
}
