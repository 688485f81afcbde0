import type { HttpRecord } from '../observability/http-record.js';
import { type HttpLogQuery, readHttpLog } from '../observability/read-http-log.js';
import { addressFilter } from './address-filter.js';
import { shownText } from './shown-text.js';
import { statusFilter } from './status-filter.js';
import { lineOf, type TitledLine, titledLines, withPort } from './titled-lines.js';
import { type Tracked, type TrackTimes, timesOf, trackRecords } from './track-records.js';

export type { HttpRecord };

/** What `track http` was asked; times, addresses and statuses as they were typed. */
export interface TrackHttpFlags extends TrackTimes {
  readonly user?: string | undefined;
  readonly mailbox?: string | undefined;
  readonly client?: string | undefined;
  readonly server?: string | undefined;
  readonly service?: string | undefined;
  readonly status?: string | undefined;
  readonly path?: string | undefined;
  readonly requestId?: string | undefined;
}

const wording = { one: 'request', many: 'requests', missing: 'is no HTTP log' };

/**
 * What became of the requests that fit, from the HTTP log in a folder; one that is not there has none.
 * Throws UsherError for flags that say nothing, and `unreadable` for files that cannot be read.
 */
export async function trackRequests(
  folder: string,
  flags: TrackHttpFlags,
  nowMs: number,
): Promise<Tracked<HttpRecord>> {
  const query = queryOf(flags, nowMs);
  return trackRecords(folder, wording, flags.limit, (onEnd) => readHttpLog(folder, query, onEnd));
}

function queryOf({ client, status, since, until, ...asked }: TrackHttpFlags, nowMs: number): HttpLogQuery {
  return {
    ...asked,
    isClient: client === undefined ? undefined : addressFilter('client', client),
    isStatus: status === undefined ? undefined : statusFilter('status', status),
    ...timesOf({ since, until }, nowMs),
  };
}

export const requestHeadings = ['at', 'client', 'user', 'request', 'status', 'server', 'ms'] as const;

/** A row of the table: when, from where, who, what, the answer, whose it was, how long it took. */
export function requestRow(record: HttpRecord): string[] {
  const { at, client, user, method, path, server, durationMs } = record;
  return [at, client, user ?? '', `${method} ${path}`, statusText(record), server ?? '', String(durationMs)].map(
    shownText,
  );
}

/** `200`, `200 aborted` for an answer that broke off, `aborted` for none. */
function statusText({ status, end }: HttpRecord): string {
  if (status === null) return end;
  return end === 'answered' ? String(status) : `${status} ${end}`;
}

/** Everything about a request, line by line: who asked for what, which way it was sent, and what was answered. */
export function requestText(record: HttpRecord): string {
  const lines = [...clientLines(record), ...wayLines(record), ['answer', answerText(record)] as const];
  const { at, method, scheme, host, path } = record;
  return titledLines(`${at} ${method} ${scheme}://${host}${path}`, lines);
}

function clientLines(record: HttpRecord): TitledLine[] {
  const { client, clientPort, version, user, listener, frontEnd, requestId, userAgent } = record;
  const place = `at "${listener}" of ${frontEnd}, request ${requestId}`;
  const asUser = user === null ? '' : `user ${user}, `;
  return [
    ['client', `${withPort(client, clientPort)}, HTTP/${version}, ${asUser}${place}`],
    ...lineOf('agent', userAgent),
    ...lineOf('service', record.service),
  ];
}

function wayLines({ hint, mailbox, trace, outcome, reason, tried, server }: HttpRecord): TitledLine[] {
  return [
    ...lineOf('mailbox', mailbox === null || hint === null ? mailbox : `${mailbox}, by ${hint}`),
    ...trace.map(({ rule, detail }): TitledLine => [rule, detail]),
    ...lineOf('decision', outcome === null || reason === null ? outcome : `${outcome}: ${reason}`),
    ...tried.map((attempt): TitledLine => ['tried', `${attempt.server}: ${attempt.reason}`]),
    ...lineOf('server', server),
  ];
}

function answerText(record: HttpRecord): string {
  const { endReason, bytesReceived, bytesSent, firstByteMs, durationMs } = record;
  const first = firstByteMs === null ? '' : `, the first after ${firstByteMs} ms`;
  const why = endReason === null ? '' : `: ${endReason}`;
  return `${statusText(record)}${why} (${bytesReceived} bytes in, ${bytesSent} out in ${durationMs} ms${first})`;
}
