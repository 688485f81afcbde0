/** A conversation that goes on at a door. */
export interface Session {
  readonly protocol: 'smtp' | 'imap' | 'pop' | 'http';
  readonly clientAddress: string;
  readonly startedAtMs: number;
  /** Known after login, and the server after routing. */
  user: string | null;
  server: string | null;
  /** Ends it as soon as it can be ended without loss, in the protocol's words. */
  drain(): void;
  /** Ends it now. */
  destroy(): void;
}

/** The conversations of a runtime. */
export interface SessionRegistry {
  /** Adds a session; the result removes it again. */
  open(session: Session): () => void;
  list(): readonly Session[];
  countByProtocol(): Readonly<Record<string, number>>;
  /** Resolves when no session is left, or after the time has run out; then what is left is destroyed. How many were. */
  drain(timeoutMs: number): Promise<number>;
}

export function createSessionRegistry(): SessionRegistry {
  const sessions = new Set<Session>();
  const waiting = new Set<() => void>();
  const remove = (session: Session): void => {
    sessions.delete(session);
    if (sessions.size === 0) for (const wake of waiting) wake();
  };
  return {
    open(session) {
      sessions.add(session);
      return () => remove(session);
    },
    list: () => [...sessions],
    countByProtocol() {
      const counts: Record<string, number> = {};
      for (const { protocol } of sessions) counts[protocol] = (counts[protocol] ?? 0) + 1;
      return counts;
    },
    async drain(timeoutMs) {
      for (const session of sessions) session.drain();
      if (sessions.size > 0 && timeoutMs > 0) await emptyOrLate(waiting, timeoutMs);
      const left = [...sessions];
      for (const session of left) session.destroy();
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
