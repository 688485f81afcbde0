import { randomUUID } from 'node:crypto';
import { NotReachable } from '../control/client.js';
import { UsherError } from '../errors.js';
import { askEach } from './runtime-control.js';

export interface HoldPlan {
  /** Control sockets of the runtimes; where none runs nothing has to be held. */
  readonly sockets: readonly string[];
  /** Their own addresses. */
  readonly mailboxes: readonly string[];
  /** How long their sessions may take to end before they are cut off. */
  readonly holdMs: number;
  /** Aborted when the change is to be given up. */
  readonly signal: AbortSignal;
}

/** What a held change came to, and how many sessions had to be cut off for it. */
export interface HeldChange<T> {
  readonly result: T;
  readonly cutOff: number;
}

const mailboxesPerRequest = 1000;
const pollMs = 250;
// For what comes after the sessions: cutting off, committing, taking up. The runtimes end the hold by themselves then.
const marginMs = 10_000;
const cutOffMs = 3000;

/**
 * Makes a change while the logins of mailboxes are refused as temporary at every runtime and their sessions have ended.
 * When anything fails before the change, nothing is changed; the hold is over when this resolves or rejects.
 */
export async function whileHeld<T>(plan: HoldPlan, change: () => Promise<T>): Promise<HeldChange<T>> {
  const token = randomUUID();
  const { sockets, mailboxes, holdMs, signal } = plan;
  try {
    for (let at = 0; at < mailboxes.length; at += mailboxesPerRequest) {
      const some = mailboxes.slice(at, at + mailboxesPerRequest);
      await askEach(sockets, { ask: 'hold', token, mailboxes: some, forMs: holdMs + marginMs }, 'held');
    }
    const cutOff = await untilClosed(sockets, token, holdMs, signal);
    return { result: await change(), cutOff };
  } finally {
    await release(sockets, token);
  }
}

/** Waits until the sessions have ended; those that have not in time are cut off, and counted. */
async function untilClosed(
  sockets: readonly string[],
  token: string,
  holdMs: number,
  signal: AbortSignal,
): Promise<number> {
  const politelyUntilMs = performance.now() + holdMs;
  for (;;) {
    const left = await closeHeld(sockets, token, Math.max(1, Math.round(holdMs / 2)), signal);
    if (left === 0) return 0;
    const remainingMs = politelyUntilMs - performance.now();
    if (remainingMs <= 0) break;
    await pause(Math.min(pollMs, remainingMs));
  }
  const cutOff = await closeHeld(sockets, token, 0, signal);
  const endMs = performance.now() + cutOffMs;
  while ((await closeHeld(sockets, token, 0, signal)) > 0) {
    if (performance.now() > endMs) {
      throw new UsherError('failed', 'sessions-left', 'sessions of the mailboxes do not end; nothing was changed');
    }
    await pause(pollMs);
  }
  return cutOff;
}

async function closeHeld(
  sockets: readonly string[],
  token: string,
  overMs: number,
  signal: AbortSignal,
): Promise<number> {
  if (signal.aborted) throw new UsherError('failed', 'cancelled', 'cancelled; nothing was changed');
  const answers = await askEach(sockets, { ask: 'close-held', token, overMs }, 'held');
  return answers.reduce((sum, { answer }) => sum + answer.sessions, 0);
}

/** A runtime that cannot be told any more ends the hold when its time is over. */
async function release(sockets: readonly string[], token: string): Promise<void> {
  const told = sockets.map(async (socket) => {
    try {
      await askEach([socket], { ask: 'release', token }, 'released');
    } catch (error) {
      if (!(error instanceof NotReachable)) throw error;
    }
  });
  await Promise.all(told);
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
