/** Where something waits for its time; in one list at most, and it may leave before. */
export class TimerPlace<Owner> {
  readonly owner: Owner;
  dueAtMs = 0;
  /** The list's own: null when nothing is waited for. */
  list: TimerList<Owner> | null = null;
  before: TimerPlace<Owner> | null = null;
  behind: TimerPlace<Owner> | null = null;

  constructor(owner: Owner) {
    this.owner = owner;
  }
}

/** All that wait equally long, so in the order in which they came: to begin and to leave cost the same for millions. */
export class TimerList<Owner> {
  readonly afterMs: number;
  readonly #lists: TimerLists<Owner>;
  readonly #fire: (owner: Owner) => void;
  #first: TimerPlace<Owner> | null = null;
  #last: TimerPlace<Owner> | null = null;

  constructor(lists: TimerLists<Owner>, afterMs: number, fire: (owner: Owner) => void) {
    this.#lists = lists;
    this.afterMs = afterMs;
    this.#fire = fire;
  }

  /** Whoever has waited longest. */
  get first(): TimerPlace<Owner> | null {
    return this.#first;
  }

  /** Begins to wait, anew if it waited already. */
  start(place: TimerPlace<Owner>): void {
    place.list?.stop(place);
    place.list = this;
    place.dueAtMs = this.#lists.nowMs() + this.afterMs;
    place.before = this.#last;
    if (this.#last) this.#last.behind = place;
    else this.#first = place;
    this.#last = place;
    this.#lists.wakeAt(place.dueAtMs);
  }

  stop(place: TimerPlace<Owner>): void {
    if (place.list !== this) return;
    if (place.before) place.before.behind = place.behind;
    else this.#first = place.behind;
    if (place.behind) place.behind.before = place.before;
    else this.#last = place.before;
    place.list = null;
    place.before = null;
    place.behind = null;
  }

  fireDue(nowMs: number): void {
    for (let place = this.#first; place && place.dueAtMs <= nowMs; place = this.#first) {
      this.stop(place);
      this.#fire(place.owner);
    }
  }

  clear(): void {
    while (this.#first) this.stop(this.#first);
  }
}

/** How late a timer may be so that many are served at once. */
const stepMs = 10;

/** Lists of what waits, each for one time span, served by a single timer of the process; none when nobody waits. */
export class TimerLists<Owner> {
  readonly nowMs: () => number;
  readonly #lists: TimerList<Owner>[] = [];
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /** A list of its own; more than 0 ms, or `fireDue` would never come to its end. */
  add(afterMs: number, fire: (owner: Owner) => void): TimerList<Owner> {
    if (!(afterMs > 0)) throw new Error(`a timer list of ${afterMs} ms`);
    const list = new TimerList(this, afterMs, fire);
    this.#lists.push(list);
    return list;
  }

  wakeAt(dueAtMs: number): void {
    if (dueAtMs >= this.#wakeAtMs) return;
    if (this.#timer) clearTimeout(this.#timer);
    this.#wakeAtMs = dueAtMs;
    this.#timer = setTimeout(() => this.fireDue(), Math.max(stepMs, Math.ceil(dueAtMs - this.nowMs())));
    this.#timer.unref();
  }

  /** Serves everybody whose time has come, and waits for the next. */
  fireDue(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.nowMs();
    for (const list of this.#lists) list.fireDue(nowMs);
    for (const { first } of this.#lists) if (first) this.wakeAt(first.dueAtMs);
  }

  /** Nobody waits any more. */
  clear(): void {
    for (const list of this.#lists) list.clear();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
  }
}
