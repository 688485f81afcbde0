/** RFC 3261 §17.1.1.1 and table 4: an estimate of the round trip. */
const t1Ms = 500;
/** The longest pause between two copies of a response. */
const t2Ms = 4000;
/** How long a message may be on its way. */
const t4Ms = 5000;

/** How long the timers of server transactions run (RFC 3261 §17.2, table 4). Over reliable transports only H runs. */
export const transactionTimers = {
  /** Of timer G, the first time; it doubles up to `repeatMaxMs`. */
  repeatMs: t1Ms,
  repeatMaxMs: t2Ms,
  /** Timer H: how long an ACK is waited for. */
  acknowledgeMs: 64 * t1Ms,
  /** Timer I: how long more copies of the ACK are. */
  confirmedMs: t4Ms,
  /** Timer J: how long copies of a request other than INVITE are. */
  completedMs: 64 * t1Ms,
} as const;

/** How long timer G runs after it ran `beforeMs`. */
export function nextRepeatMs(beforeMs: number): number {
  return Math.min(2 * beforeMs, transactionTimers.repeatMaxMs);
}
