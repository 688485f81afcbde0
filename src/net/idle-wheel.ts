/** Something that ends when nothing has happened for too long. */
export interface IdleEntry {
  /** When it is to end as things are now, by `performance.now()`. */
  readonly idleEndAtMs: number;
  /** The wheel's: where the entry waits. */
  idlePlace: number;
  idle(): void;
}

const nearMs = 10_000;
const nearStepMs = 20;
const farStepMs = 1000;

/**
 * Ends what is idle, within 20 ms of its time, or within a second where that is more than 10 s away. One timer serves
 * all whose time comes together, and a sign of life costs nothing: it is looked at when the time has come.
 */
export class IdleWheel {
  readonly #slots = new Map<number, Set<IdleEntry>>();
  readonly #lookAgainMs: number;

  /** `lookAgainMs`: how often entries are looked at whose time may come sooner than they said when they were watched. */
  constructor(lookAgainMs = Number.POSITIVE_INFINITY) {
    this.#lookAgainMs = lookAgainMs;
  }

  /** How many entries wait. */
  get size(): number {
    let size = 0;
    for (const slot of this.#slots.values()) size += slot.size;
    return size;
  }

  watch(entry: IdleEntry): void {
    const nowMs = performance.now();
    const lookAtMs = Math.min(entry.idleEndAtMs, nowMs + this.#lookAgainMs);
    const stepMs = lookAtMs - nowMs > nearMs ? farStepMs : nearStepMs;
    entry.idlePlace = Math.ceil(lookAtMs / stepMs) * stepMs;
    this.#slotAt(entry.idlePlace).add(entry);
  }

  forget(entry: IdleEntry): void {
    this.#slots.get(entry.idlePlace)?.delete(entry);
  }

  #slotAt(place: number): Set<IdleEntry> {
    const known = this.#slots.get(place);
    if (known) return known;
    const slot = new Set<IdleEntry>();
    this.#slots.set(place, slot);
    setTimeout(() => this.#turn(place, slot), Math.max(1, place - performance.now())).unref();
    return slot;
  }

  #turn(place: number, due: ReadonlySet<IdleEntry>): void {
    this.#slots.delete(place);
    const nowMs = performance.now();
    for (const entry of due) {
      if (entry.idleEndAtMs <= nowMs) entry.idle();
      else this.watch(entry);
    }
  }
}
