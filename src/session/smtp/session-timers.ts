export interface TimerOptions {
  /** Of silence of the client, where it is the client's turn. */
  readonly inactivityTimeoutMs: number;
  /** Of the whole connection. */
  readonly connectionTimeoutMs: number;
  readonly onInactive: () => void;
  readonly onOverdue: () => void;
}

/** The patience with one client. */
export interface SessionTimers {
  /** The client did something. */
  touch(): void;
  /** It is not the client's turn. */
  suspend(): void;
  /** It is the client's turn again. */
  resume(): void;
  stop(): void;
}

export function startSessionTimers(options: TimerOptions): SessionTimers {
  const { inactivityTimeoutMs, connectionTimeoutMs, onInactive, onOverdue } = options;
  const overdue = setTimeout(onOverdue, connectionTimeoutMs);
  let inactive: NodeJS.Timeout | null = setTimeout(onInactive, inactivityTimeoutMs);
  let isStopped = false;
  const suspend = (): void => {
    if (inactive !== null) clearTimeout(inactive);
    inactive = null;
  };
  return {
    touch: () => void inactive?.refresh(),
    suspend,
    resume() {
      if (isStopped) return;
      if (inactive === null) inactive = setTimeout(onInactive, inactivityTimeoutMs);
      else inactive.refresh();
    },
    stop() {
      isStopped = true;
      suspend();
      clearTimeout(overdue);
    },
  };
}
