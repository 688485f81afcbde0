import type { SessionRecord, SessionSelection } from '../control/messages.js';
import { UsherError } from '../errors.js';
import { parseRange } from '../topology/ranges.js';
import { askEach, noneRuns } from './runtime-control.js';

export type { SessionRecord, SessionSelection };

/**
 * What `sessions close --json` prints: how many sessions will end, over which time (the longest, where several
 * runtimes run), and the given ids that nobody has any more.
 */
export interface ClosingSessions {
  readonly closing: number;
  readonly overMs: number;
  readonly unknown: readonly string[];
}

/** The sessions of every runtime at the sockets that fit, oldest first. Exit 6 when none runs. */
export async function listSessions(
  sockets: readonly string[],
  selection: SessionSelection,
): Promise<readonly SessionRecord[]> {
  checkSelection(selection);
  const first = await askEach(sockets, { ask: 'sessions', selection, after: 0 }, 'sessions');
  if (first.length === 0) throw noneRuns();
  const lists = first.map(async ({ socket, answer }) => {
    const sessions = [...answer.sessions];
    for (let after = answer.next; after !== null; ) {
      const [page] = await askEach([socket], { ask: 'sessions', selection, after }, 'sessions');
      sessions.push(...(page?.answer.sessions ?? []));
      after = page?.answer.next ?? null;
    }
    return sessions;
  });
  const sessions = (await Promise.all(lists)).flat();
  return sessions.sort((one, other) => (one.since < other.since ? -1 : one.since > other.since ? 1 : 0));
}

/**
 * Ends the sessions of every runtime at the sockets that fit, evenly over a time; null: at once for up to 100 of a
 * runtime, else over 60 s. Exit 6 when none runs, 3 when ids are given and none of them is there.
 */
export async function closeSessions(
  sockets: readonly string[],
  selection: SessionSelection,
  overMs: number | null,
): Promise<ClosingSessions> {
  checkSelection(selection);
  const answers = (await askEach(sockets, { ask: 'close-sessions', selection, overMs }, 'closing')).map(
    ({ answer }) => answer,
  );
  if (answers.length === 0) throw noneRuns();
  const ids = selection.ids ?? [];
  const unknown = ids.filter((id) => answers.every((answer) => answer.unknown.includes(id)));
  if (ids.length > 0 && unknown.length === ids.length) {
    const names = unknown.slice(0, 8).join(', ');
    throw new UsherError('missing', 'not-found', `there is no session ${names}; see "usher sessions list"`);
  }
  const closing = answers.reduce((sum, { count }) => sum + count, 0);
  return { closing, overMs: Math.max(...answers.map((answer) => answer.overMs)), unknown };
}

function checkSelection({ clientIp }: SessionSelection): void {
  if (clientIp === null || parseRange(clientIp)) return;
  const message = `--client-ip takes an address or a range (10.0.0.1, 10.0.0.0/8), found "${clientIp}"`;
  throw new UsherError('usage', 'usage', message);
}
