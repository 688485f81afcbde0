/** A conversation that goes on at a door. */
export interface Session {
  readonly protocol: 'smtp' | 'imap' | 'pop' | 'http' | 'sip';
  readonly clientAddress: string;
  readonly startedAtMs: number;
  /** Known after login, and the server after routing. */
  user: string | null;
  server: string | null;
  /** Ends it as soon as it can be ended without loss, in the protocol's words, or with these where there is room for any. */
  drain(words?: string): void;
  /** Ends it now. */
  destroy(): void;
}

/** The conversations of a runtime. Each has a number of its own, one higher than the one before it. */
export interface SessionRegistry {
  /** Adds a session; the result removes it again. */
  open(session: Session): () => void;
  list(): readonly Session[];
  /** With their numbers, in their order. */
  numbered(): IterableIterator<readonly [number, Session]>;
  /** The one with this number; undefined when it is over. */
  find(number: number): Session | undefined;
  countByProtocol(): Readonly<Record<string, number>>;
  /** Resolves when no session is left, or after the time has run out; then what is left is destroyed. How many were. */
  drain(timeoutMs: number): Promise<number>;
}

const goneMs = 500;

export function createSessionRegistry(): SessionRegistry {
  const sessions = new Map<number, Session>();
  const waiting = new Set<() => void>();
  let numberNext = 1;
  const remove = (number: number): void => {
    sessions.delete(number);
    if (sessions.size === 0) for (const wake of waiting) wake();
  };
  return {
    open(session) {
      const number = numberNext;
      numberNext += 1;
      sessions.set(number, session);
      return () => remove(number);
    },
    list: () => [...sessions.values()],
    numbered: () => sessions.entries(),
    find: (number) => sessions.get(number),
    countByProtocol() {
      const counts: Record<string, number> = {};
      for (const { protocol } of sessions.values()) counts[protocol] = (counts[protocol] ?? 0) + 1;
      return counts;
    },
    async drain(timeoutMs) {
      for (const session of sessions.values()) session.drain();
      if (sessions.size > 0 && timeoutMs > 0) await emptyOrLate(waiting, timeoutMs);
      const left = [...sessions.values()];
      for (const session of left) session.destroy();
      // They have something to say of their end, which comes with that of their connections.
      if (sessions.size > 0) await emptyOrLate(waiting, goneMs);
      return left.length;
    },
  };
}

function emptyOrLate(waiting: Set<() => void>, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      waiting.delete(done);
      resolve();
    };
    const timer = setTimeout(done, timeoutMs);
    waiting.add(done);
  });
}
