/** How many there are of each key; a key that has none takes no room. */
export class KeyCounts {
  readonly #counts = new Map<string, number>();

  /** How many keys have any. */
  get size(): number {
    return this.#counts.size;
  }

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Counts one more, which must `leave` again; false: there are `max` already, and it is not counted. */
  enter(key: string, max: number | null): boolean {
    const count = this.of(key);
    if (max !== null && count >= max) return false;
    this.#counts.set(key, count + 1);
    return true;
  }

  leave(key: string): void {
    const count = this.of(key);
    if (count > 1) this.#counts.set(key, count - 1);
    else this.#counts.delete(key);
  }
}
