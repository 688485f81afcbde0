import { addressBytes } from '../../topology/ranges.js';

interface Refusals {
  readonly count: number;
  readonly lastAtMs: number;
}

const keptMs = 10 * 60_000;

/** How often logins from an address were refused lately, across connections. An IPv6 network of 64 bits counts as one. */
export class RefusalMemory {
  readonly #nowMs: () => number;
  readonly #addressesMax: number;
  /** In the order of their last refusal. */
  readonly #known = new Map<string, Refusals>();

  constructor(nowMs: () => number, addressesMax = 100_000) {
    this.#nowMs = nowMs;
    this.#addressesMax = addressesMax;
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /** One more was refused; how many that makes. */
  refused(address: string): number {
    const key = networkOf(address);
    const count = this.#countOf(key) + 1;
    this.#put(key, count);
    this.#forgetOldest();
    return count;
  }

  /** A login was accepted, which makes up for half of the refusals. */
  accepted(address: string): void {
    if (this.#known.size === 0) return;
    const key = networkOf(address);
    const count = Math.floor(this.#countOf(key) / 2);
    if (count > 0) this.#put(key, count);
    else this.#known.delete(key);
  }

  #countOf(key: string): number {
    const refusals = this.#known.get(key);
    return refusals && this.#isKept(refusals) ? refusals.count : 0;
  }

  #put(key: string, count: number): void {
    this.#known.delete(key);
    this.#known.set(key, { count, lastAtMs: this.#nowMs() });
  }

  #forgetOldest(): void {
    for (const [key, refusals] of this.#known) {
      if (this.#known.size <= this.#addressesMax && this.#isKept(refusals)) return;
      this.#known.delete(key);
    }
  }

  #isKept({ lastAtMs }: Refusals): boolean {
    return this.#nowMs() - lastAtMs < keptMs;
  }
}

function networkOf(address: string): string {
  const bytes = address.includes(':') ? addressBytes(address) : undefined;
  return bytes?.length === 16 ? bytes.slice(0, 8).join('.') : address;
}
