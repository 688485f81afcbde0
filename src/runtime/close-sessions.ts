import { reasonOf } from '../errors.js';
import type { Logger } from '../observability/log.js';
import { type PlacedSession, whyDisplaced } from '../routing/displacement.js';
import type { Snapshot } from '../session/door-services.js';
import type { Session, SessionRegistry } from '../session/session-registry.js';

/** Ends sessions politely, not all in one second. */
export interface SessionCloser {
  /** Ends these, evenly over a time. Those that are asked to end already, or sooner, are left as they are. */
  close(numbers: readonly number[], overMs: number, words: string): void;
  /** Looks for sessions of mail clients that are no longer where a login would be led, and ends them. */
  closeDisplaced(): void;
  /** Forgets what was still to be ended. */
  stop(): void;
}

export interface SessionCloserOptions {
  readonly sessions: SessionRegistry;
  /** The estate in force. */
  readonly snapshot: () => Snapshot;
  readonly log: Logger;
  /** How long many displaced sessions are spread over; 60 s if not given. */
  readonly spreadMs?: number;
  /** A login that was under way during a change may end at the old place; it is looked once more after so long. */
  readonly lookAgainMs?: number;
}

interface Due {
  readonly number: number;
  readonly atMs: number;
  readonly words: string;
  readonly of: 'displaced' | 'asked';
}

/** So many sessions may come back at once. */
const togetherMax = 100;
const spreadMsDefault = 60_000;
// Longer than a client may take to log in, and its server to answer.
const lookAgainMsDefault = 90_000;
const tickMsMin = 10;
const sliceCount = 500;
const movedWords = 'The mailbox is served elsewhere now, please reconnect';

/** Over which time sessions are ended when nobody says it. */
export function spreadOf(count: number, spreadMs = spreadMsDefault): number {
  return count > togetherMax ? spreadMs : 0;
}

export function createSessionCloser(options: SessionCloserOptions): SessionCloser {
  return new Closer(options);
}

class Closer implements SessionCloser {
  readonly #options: SessionCloserOptions;
  readonly #dueOf = new Map<number, Due>();
  readonly #asked = new WeakSet<Session>();
  /** In the order of their times; what is not in `#dueOf` any more is skipped. */
  #queue: Due[] = [];
  #timer: NodeJS.Timeout | null = null;
  #lookAgain: NodeJS.Timeout | null = null;
  /** How many looks were asked for since the present one began, itself included. */
  #looksWanted = 0;
  #isStopped = false;

  constructor(options: SessionCloserOptions) {
    this.#options = options;
  }

  close(numbers: readonly number[], overMs: number, words: string): void {
    this.#add(numbers, overMs, words, 'asked');
  }

  closeDisplaced(): void {
    if (this.#isStopped) return;
    this.#planAnotherLook();
    this.#wantLook();
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#lookAgain !== null) clearTimeout(this.#lookAgain);
    this.#dueOf.clear();
    this.#queue = [];
  }

  #planAnotherLook(): void {
    if (this.#lookAgain !== null) clearTimeout(this.#lookAgain);
    const waitMs = this.#options.lookAgainMs ?? lookAgainMsDefault;
    this.#lookAgain = setTimeout(() => this.#wantLook(), waitMs).unref();
  }

  /** One look at a time; a change that comes meanwhile is looked at afterwards. */
  #wantLook(): void {
    this.#looksWanted += 1;
    if (this.#looksWanted === 1) void this.#lookWhileWanted();
  }

  async #lookWhileWanted(): Promise<void> {
    while (this.#looksWanted > 0) {
      this.#looksWanted = 1;
      try {
        this.#addDisplaced(await this.#displaced());
      } catch (error) {
        this.#options.log.error({ error: reasonOf(error) }, 'sessions could not be compared with the estate');
      }
      this.#looksWanted -= 1;
    }
  }

  #addDisplaced({ numbers, why }: { readonly numbers: readonly number[]; readonly why: string | null }): void {
    const fresh = numbers.filter((number) => !this.#dueOf.has(number));
    if (fresh.length === 0) return;
    const overMs = spreadOf(fresh.length, this.#options.spreadMs);
    this.#options.log.info(
      { sessions: fresh.length, overMs, why },
      'sessions are at the wrong place and will be ended',
    );
    this.#add(fresh, overMs, movedWords, 'displaced');
  }

  /** Goes through all sessions without holding up the others for long. */
  async #displaced(): Promise<{ readonly numbers: readonly number[]; readonly why: string | null }> {
    const { sessions, snapshot } = this.#options;
    const numbers: number[] = [];
    let first: string | null = null;
    let count = 0;
    for (const [number, session] of sessions.numbered()) {
      count += 1;
      if (count % sliceCount === 0) await new Promise((resolve) => setImmediate(resolve));
      if (this.#isStopped) break;
      const placed = this.#asked.has(session) ? null : placedSession(session);
      const why = placed && whyDisplaced(snapshot(), placed);
      if (!why) continue;
      first ??= why;
      numbers.push(number);
    }
    return { numbers, why: first };
  }

  #add(numbers: readonly number[], overMs: number, words: string, of: Due['of']): void {
    if (this.#isStopped) return;
    const startMs = performance.now();
    const added: Due[] = [];
    for (const [index, number] of numbers.entries()) {
      const atMs = startMs + (index * overMs) / numbers.length;
      const known = this.#dueOf.get(number);
      if (known?.of === 'asked' && known.atMs <= atMs) continue;
      const due: Due = { number, atMs: Math.min(atMs, known?.atMs ?? atMs), words, of };
      this.#dueOf.set(number, due);
      added.push(due);
    }
    const isCurrent = (due: Due): boolean => this.#dueOf.get(due.number) === due;
    this.#queue = [...this.#queue.filter(isCurrent), ...added].sort((one, other) => one.atMs - other.atMs);
    this.#tick();
  }

  /** Ends what is due and sleeps until the next is. */
  #tick(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const nowMs = performance.now();
    const firstLater = this.#queue.findIndex(({ atMs }) => atMs > nowMs);
    const due = this.#queue.splice(0, firstLater < 0 ? this.#queue.length : firstLater);
    for (const one of due) this.#end(one);
    const [next] = this.#queue;
    if (next) this.#timer = setTimeout(() => this.#tick(), Math.max(tickMsMin, next.atMs - nowMs)).unref();
  }

  #end(due: Due): void {
    if (this.#dueOf.get(due.number) !== due) return;
    this.#dueOf.delete(due.number);
    const session = this.#options.sessions.find(due.number);
    if (!session || this.#asked.has(session) || (due.of === 'displaced' && !this.#isStillDisplaced(session))) return;
    this.#asked.add(session);
    session.drain(due.words);
  }

  /** The mailbox may have come back meanwhile. */
  #isStillDisplaced(session: Session): boolean {
    const placed = placedSession(session);
    try {
      return placed !== null && whyDisplaced(this.#options.snapshot(), placed) !== null;
    } catch (error) {
      this.#options.log.error({ error: reasonOf(error) }, 'a session could not be compared with the estate');
      return false;
    }
  }
}

function placedSession({ protocol, user, server }: Session): PlacedSession | null {
  if ((protocol !== 'imap' && protocol !== 'pop') || user === null || server === null) return null;
  return { protocol, mailbox: user, server };
}
