/** Answers by key for as long as they hold; bounded in count and in size, the oldest go first. */
export class DnsCache<T> {
  readonly #entries = new Map<string, { readonly value: T; readonly expiresMs: number; readonly size: number }>();
  readonly #countMax: number;
  readonly #sizeMax: number;
  readonly #nowMs: () => number;
  #size = 0;

  constructor(options: { readonly countMax: number; readonly sizeMax: number; readonly nowMs: () => number }) {
    this.#countMax = options.countMax;
    this.#sizeMax = options.sizeMax;
    this.#nowMs = options.nowMs;
  }

  get count(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#nowMs() < entry.expiresMs) return entry.value;
    this.#drop(key);
    return undefined;
  }

  /** Keeps a value for `ttlMs`; `size` in characters. */
  set(key: string, value: T, ttlMs: number, size: number): void {
    this.#drop(key);
    if (ttlMs <= 0 || size > this.#sizeMax) return;
    this.#entries.set(key, { value, expiresMs: this.#nowMs() + ttlMs, size });
    this.#size += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#countMax && this.#size <= this.#sizeMax) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#size -= entry.size;
  }
}
