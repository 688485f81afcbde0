import { hostname } from 'node:os';
import { askRuntime, NotReachable } from '../control/client.js';
import type { ControlAnswer, ControlRequest, RuntimeStatus } from '../control/messages.js';
import { UsherError } from '../errors.js';

const answerWaitMs = 5000;

/** The runtime that is meant, when it runs: by the front end's name, else the only one of the store. */
export interface RuntimePlace {
  readonly sockets: readonly string[];
  readonly frontEnd: string | undefined;
}

/** The status of every runtime at the sockets that answers. */
export async function runtimesAt(sockets: readonly string[]): Promise<{ socket: string; status: RuntimeStatus }[]> {
  const asked = sockets.map(async (socket) => {
    try {
      const answer = await askRuntime(socket, { ask: 'status' }, answerWaitMs);
      return answer.answer === 'status' ? [{ socket, status: answer.status }] : [];
    } catch (error) {
      if (error instanceof NotReachable) return [];
      throw error;
    }
  });
  return (await Promise.all(asked)).flat();
}

/** Every runtime's answer to one question, by socket; a socket nobody listens at is left out, a refusal is an error. */
export async function askEach<Answer extends ControlAnswer['answer']>(
  sockets: readonly string[],
  request: ControlRequest,
  expected: Answer,
): Promise<readonly { readonly socket: string; readonly answer: Extract<ControlAnswer, { answer: Answer }> }[]> {
  const asked = sockets.map(async (socket) => {
    const answer = await askUnlessAbsent(socket, request);
    return answer === null ? [] : [{ socket, answer: expectAnswer(answer, expected) }];
  });
  return (await Promise.all(asked)).flat();
}

/** The error of a command that needs a runtime where none runs (exit 6). */
export function noneRuns(): NotReachable {
  return new NotReachable('no runtime of this store runs here; start one with "usher start"');
}

async function askUnlessAbsent(socket: string, request: ControlRequest): Promise<ControlAnswer | null> {
  try {
    return await askRuntime(socket, request, answerWaitMs);
  } catch (error) {
    if (error instanceof NotReachable && error.isAbsent) return null;
    throw error;
  }
}

function expectAnswer<Answer extends ControlAnswer['answer']>(
  answer: ControlAnswer,
  expected: Answer,
): Extract<ControlAnswer, { answer: Answer }> {
  if (answer.answer === expected) return answer as Extract<ControlAnswer, { answer: Answer }>;
  const reason = answer.answer === 'error' ? answer.reason : `unexpected answer "${answer.answer}"`;
  throw new UsherError('failed', 'runtime-refused', `the runtime refused: ${reason}`);
}

/** The runtime that is meant; undefined when none runs. */
export async function findRuntime({
  sockets,
  frontEnd,
}: RuntimePlace): Promise<{ socket: string; status: RuntimeStatus } | undefined> {
  const running = await runtimesAt(sockets);
  const named = frontEnd?.toLowerCase();
  const fitting =
    named === undefined ? running : running.filter(({ status }) => status.frontEnd.toLowerCase() === named);
  if (fitting.length < 2) return fitting[0];
  const here = fitting.find(({ status }) => status.frontEnd.toLowerCase() === hostname().toLowerCase());
  if (here) return here;
  const names = fitting.map(({ status }) => status.frontEnd);
  throw new UsherError(
    'usage',
    'which-front-end',
    `several runtimes of this store run here (${names.join(', ')}); say which with --on`,
    names,
  );
}

/** The status, or the error that nothing runs (exit 6). */
export async function requireStatus(place: RuntimePlace): Promise<RuntimeStatus> {
  const found = await findRuntime(place);
  if (found) return found.status;
  const which = place.frontEnd === undefined ? 'the runtime of this store' : `the runtime of ${place.frontEnd}`;
  throw new NotReachable(`${which} is not running; start it with "usher start"`);
}

/** Stops a runtime and waits until it is gone. Null when none runs; else how many sessions had to be ended. */
export async function stopRuntime(
  place: RuntimePlace,
  timeoutMs: number,
): Promise<{ frontEnd: string; sessionsClosed: number } | null> {
  const found = await findRuntime(place);
  if (!found) return null;
  const answer: ControlAnswer = await askRuntime(found.socket, { ask: 'stop', timeoutMs }, timeoutMs + answerWaitMs);
  if (answer.answer !== 'stopped') {
    throw new UsherError(
      'failed',
      'not-stopped',
      answer.answer === 'error' ? answer.reason : `unexpected answer "${answer.answer}"`,
    );
  }
  await waitUntilGone(found.status.pid);
  return { frontEnd: found.status.frontEnd, sessionsClosed: answer.sessionsClosed };
}

async function waitUntilGone(pid: number): Promise<void> {
  for (let waited = 0; waited < answerWaitMs; waited += 20) {
    if (!isAlive(pid)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // ESRCH: it is gone; EPERM cannot be, it answered at our socket
  }
}
