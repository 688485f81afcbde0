import { askRuntime, NotReachable } from '../control/client.js';
import { UsherError } from '../errors.js';

/** How long a command waits for the runtimes to take a revision up. */
const waitMs = 5000;

/**
 * Tells every runtime at the sockets that a revision was committed and waits until each has it in force.
 * One that refuses it, or does not answer in time, is an error (exit 8); a socket nobody listens at is none.
 */
export async function awaitRuntimes(sockets: readonly string[], revision: number): Promise<void> {
  const outcomes = await Promise.all(sockets.map((socket) => takeUp(socket, revision)));
  const reasons = outcomes.filter((reason) => reason !== undefined);
  if (reasons.length === 0) return;
  const message = `revision ${revision} is committed, but not in force: ${reasons.join('; ')}`;
  throw new UsherError('refused', 'not-in-force', message, ['usher status', 'usher history']);
}

async function takeUp(socket: string, revision: number): Promise<string | undefined> {
  try {
    const answer = await askRuntime(socket, { ask: 'take-up', revision }, waitMs);
    if (answer.answer === 'taken-up') {
      if (answer.refused) return answer.refused.reason;
      return answer.revision >= revision ? undefined : `the runtime is still at revision ${answer.revision}`;
    }
    return answer.answer === 'error' ? answer.reason : `unexpected answer "${answer.answer}"`;
  } catch (error) {
    if (!(error instanceof NotReachable)) throw error;
    return error.isAbsent ? undefined : error.message;
  }
}
