import type { ClosingSessions, SessionRecord } from '../admin/sessions.js';
import { formatDuration } from '../topology/quantities.js';
import { formatTable, onTerminal } from './output.js';

const headings = ['id', 'protocol', 'client', 'user', 'server', 'since', 'front end'];

/** Sessions, one a line. */
export function sessionsText(sessions: readonly SessionRecord[]): string {
  const rows = sessions.map(({ id, protocol, client, user, server, since, frontEnd }) => [
    id,
    protocol,
    client,
    user ?? '',
    server ?? '',
    since,
    frontEnd,
  ]);
  return formatTable(headings, rows, onTerminal());
}

/** How many sessions will end, and over which time. */
export function closingText({ closing, overMs }: ClosingSessions): string {
  const count = `${closing} ${closing === 1 ? 'session' : 'sessions'}`;
  return `closing ${count}${overMs === 0 ? '' : ` over ${formatDuration(overMs)}`}\n`;
}
