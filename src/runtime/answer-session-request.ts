import { randomInt } from 'node:crypto';
import {
  type ControlAnswer,
  type ControlRequest,
  type SessionRecord,
  type SessionSelection,
  sessionsPerPage,
} from '../control/messages.js';
import type { Snapshot } from '../session/door-services.js';
import type { Session, SessionRegistry } from '../session/session-registry.js';
import { type SessionCloser, spreadOf } from './close-sessions.js';
import type { MailboxHolds } from './mailbox-holds.js';
import { sessionFilter, userKey } from './select-sessions.js';

export type SessionRequest = Extract<
  ControlRequest,
  { ask: 'sessions' | 'close-sessions' | 'hold' | 'close-held' | 'release' }
>;

export interface SessionParts {
  readonly sessions: SessionRegistry;
  readonly closer: SessionCloser;
  readonly holds: MailboxHolds;
  readonly snapshot: () => Snapshot;
  /** What the ids of this run begin with, so that an id of another runtime, or of a run before, names nobody here. */
  readonly idPrefix: string;
}

/** Three letters or digits that differ from run to run. */
export function createIdPrefix(): string {
  return randomInt(36 ** 3)
    .toString(36)
    .padStart(3, '0');
}

const userLengthMax = 320;
const closedWords = 'The session was ended by the administrator';
const movingWords = 'The mailbox is being moved, please reconnect later';

/** What a command asks about sessions and holds. Throws what `UsherError` says. */
export function answerSessionRequest(parts: SessionParts, request: SessionRequest): ControlAnswer {
  switch (request.ask) {
    case 'sessions':
      return pageOf(parts, request.selection, request.after);
    case 'close-sessions':
      return closeSelected(parts, request.selection, request.overMs);
    case 'hold':
      parts.holds.hold(request.token, request.mailboxes, request.forMs);
      return { answer: 'held', sessions: heldSessions(parts, request.token).length };
    case 'close-held':
      return closeHeld(parts, request.token, request.overMs);
    case 'release':
      parts.holds.release(request.token);
      return { answer: 'released' };
  }
}

function* selected(
  { sessions, snapshot, idPrefix }: SessionParts,
  selection: SessionSelection,
  after = 0,
): IterableIterator<readonly [number: number, id: string, session: Session]> {
  const fits = sessionFilter(selection, snapshot());
  for (const [number, session] of sessions.numbered()) {
    if (number <= after) continue;
    const id = `${idPrefix}${number.toString(36)}`;
    if (fits(id, session)) yield [number, id, session];
  }
}

function pageOf(parts: SessionParts, selection: SessionSelection, after: number): ControlAnswer {
  const page: SessionRecord[] = [];
  const frontEnd = parts.snapshot().frontEnd.name;
  let last = after;
  for (const [number, id, session] of selected(parts, selection, after)) {
    if (page.length === sessionsPerPage) return { answer: 'sessions', sessions: page, next: last };
    page.push(recordOf(id, session, frontEnd));
    last = number;
  }
  return { answer: 'sessions', sessions: page, next: null };
}

function recordOf(id: string, session: Session, frontEnd: string): SessionRecord {
  const { protocol, clientAddress: client, server, startedAtMs } = session;
  const user = session.user?.slice(0, userLengthMax) ?? null;
  return { id, protocol, client, user, server, since: new Date(startedAtMs).toISOString(), frontEnd };
}

function closeSelected(parts: SessionParts, selection: SessionSelection, wishMs: number | null): ControlAnswer {
  const chosen = [...selected(parts, selection)];
  const unknown = unknownIds(parts, selection.ids ?? []);
  const overMs = wishMs ?? spreadOf(chosen.length);
  parts.closer.close(
    chosen.map(([number]) => number),
    overMs,
    closedWords,
  );
  return { answer: 'closing', count: chosen.length, overMs, unknown };
}

function unknownIds({ sessions, idPrefix }: SessionParts, ids: readonly string[]): readonly string[] {
  return ids.filter((id) => {
    const number = id.toLowerCase().startsWith(idPrefix) ? Number.parseInt(id.slice(idPrefix.length), 36) : Number.NaN;
    return sessions.find(number) === undefined;
  });
}

function closeHeld(parts: SessionParts, token: string, overMs: number): ControlAnswer {
  const held = heldSessions(parts, token);
  const numbers = held.map(([number]) => number);
  if (overMs > 0) parts.closer.close(numbers, Math.min(overMs, spreadOf(held.length)), movingWords);
  else for (const [, session] of held) session.destroy();
  return { answer: 'held', sessions: held.length };
}

/** Web requests are not among them: each of them is routed anew. */
function heldSessions({ sessions, holds, snapshot }: SessionParts, token: string): (readonly [number, Session])[] {
  const keys = holds.keysOf(token);
  const estate = snapshot();
  const isHeld = (session: Session): boolean =>
    session.user !== null && session.protocol !== 'http' && keys.has(userKey(estate, session) ?? '');
  return [...sessions.numbered()].filter(([, session]) => isHeld(session));
}
