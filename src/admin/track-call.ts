import type { CallRecord } from '../observability/call-record.js';
import { type CallLogQuery, readCallLog } from '../observability/read-call-log.js';
import { readCallUri } from '../routing/route-call.js';
import { addressFilter } from './address-filter.js';
import { shownText } from './shown-text.js';
import { statusFilter } from './status-filter.js';
import { lineOf, type TitledLine, titledLines, withPort } from './titled-lines.js';
import { type Tracked, type TrackTimes, timesOf, trackRecords } from './track-records.js';

export type { CallRecord };

/** What `track call` was asked; times, addresses and statuses as they were typed. */
export interface TrackCallFlags extends TrackTimes {
  readonly callee?: string | undefined;
  readonly client?: string | undefined;
  readonly server?: string | undefined;
  readonly status?: string | undefined;
}

const wording = { one: 'call', many: 'calls', missing: 'is no call log' };

/**
 * What became of the calls that fit, from the call log in a folder; one that is not there has none.
 * Throws UsherError for flags that say nothing, and `unreadable` for files that cannot be read.
 */
export async function trackCalls(folder: string, flags: TrackCallFlags, nowMs: number): Promise<Tracked<CallRecord>> {
  const query = queryOf(flags, nowMs);
  return trackRecords(folder, wording, flags.limit, (onEnd) => readCallLog(folder, query, onEnd));
}

function queryOf({ callee, client, server, status, since, until }: TrackCallFlags, nowMs: number): CallLogQuery {
  return {
    server,
    isCallee: callee === undefined ? undefined : calleeFilter(callee),
    isClient: client === undefined ? undefined : addressFilter('client', client),
    isStatus: status === undefined ? undefined : statusFilter('status', status),
    ...timesOf({ since, until }, nowMs),
  };
}

/** By user (`5101`, `ann`), user and host (`ann@contoso.com`), or as a URI (`tel:+1-555-1234`); case does not count. */
function calleeFilter(text: string): (uri: string) => boolean {
  const wanted = readCallUri(text) ?? readCallUri(`tel:${text}`) ?? userAndHost(text.trim());
  const [user, host] = [wanted.user.toLowerCase(), wanted.host.toLowerCase()];
  return (uri) => {
    const named = readCallUri(uri);
    return named?.user.toLowerCase() === user && (host === '' || named.host.toLowerCase() === host);
  };
}

function userAndHost(text: string): { user: string; host: string } {
  const at = text.lastIndexOf('@');
  return at === -1 ? { user: text, host: '' } : { user: text.slice(0, at), host: text.slice(at + 1) };
}

export const callHeadings = ['at', 'client', 'from', 'callee', 'status', 'server', 'ms'] as const;

/** A row of the table: when, from where, who, for whom, the answer, where it was sent, how long it took. */
export function callRow({ at, client, from, requestUri, diversion, status, server, durationMs }: CallRecord): string[] {
  const callee = diversion ?? requestUri;
  return [at, client, from, callee, String(status), server ?? '', String(durationMs)].map(shownText);
}

/** Everything about a call, line by line: who called whom, which rules were applied, and what was answered. */
export function callText(record: CallRecord): string {
  const { at, requestUri, client, clientPort, transport, listener, frontEnd, callId } = record;
  const lines: TitledLine[] = [
    ['client', `${withPort(client, clientPort)}, ${transport}, at "${listener}" of ${frontEnd}, call ${callId}`],
    ['from', record.from],
    ['to', record.to],
    ...lineOf('diversion', record.diversion),
    ...record.trace.map(({ rule, detail }): TitledLine => [rule, detail]),
    ...lineOf('server', record.server),
    ...lineOf('contact', record.contact),
    ['answer', `${record.status}: ${record.reason} (in ${record.durationMs} ms)`],
  ];
  return titledLines(`${at} ${requestUri}`, lines);
}
