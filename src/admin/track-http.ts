import type { HttpRecord } from '../observability/http-record.js';
import { type HttpLogQuery, readHttpLog } from '../observability/read-http-log.js';
import type { RecordReport } from '../observability/read-record-files.js';
import { parseRange, rangeHolds } from '../topology/ranges.js';
import { newestRecords } from './newest-records.js';
import { shownText } from './shown-text.js';
import { statusFilter } from './status-filter.js';
import { badFlag } from './test-routing.js';
import { timeFlag } from './time-flag.js';

export type { HttpRecord };

/** What `track http` was asked; times, addresses and statuses as they were typed. */
export interface TrackHttpFlags {
  readonly user?: string | undefined;
  readonly mailbox?: string | undefined;
  readonly client?: string | undefined;
  readonly server?: string | undefined;
  readonly service?: string | undefined;
  readonly status?: string | undefined;
  readonly path?: string | undefined;
  readonly requestId?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** How many records at most: the newest of those that fit. */
  readonly limit: number;
}

export interface TrackedRequests {
  /** In the order of their ends. */
  readonly records: readonly HttpRecord[];
  /** What the reader should know beside them. */
  readonly notes: readonly string[];
}

/**
 * What became of the requests that fit, from the HTTP log in a folder; one that is not there has none.
 * Throws UsherError for flags that say nothing, and `unreadable` for files that cannot be read.
 */
export async function trackRequests(folder: string, flags: TrackHttpFlags, nowMs: number): Promise<TrackedRequests> {
  let report: RecordReport = { files: 0, unreadableLines: 0, lostRecords: 0 };
  const onEnd = (said: RecordReport): void => {
    report = said;
  };
  const { records, found } = await newestRecords(readHttpLog(folder, queryOf(flags, nowMs), onEnd), flags.limit);
  return { records, notes: notesOf(folder, found, records.length, report) };
}

function queryOf({ client, status, since, until, ...asked }: TrackHttpFlags, nowMs: number): HttpLogQuery {
  return {
    ...asked,
    isClient: client === undefined ? undefined : clientFilter(client),
    isStatus: status === undefined ? undefined : statusFilter('status', status),
    sinceMs: since === undefined ? undefined : timeFlag('since', since, nowMs, 'past'),
    untilMs: until === undefined ? undefined : timeFlag('until', until, nowMs, 'past'),
  };
}

function clientFilter(text: string): (address: string) => boolean {
  const range = parseRange(text);
  if (!range) throw badFlag('client', text, 'an address (192.0.2.1) or a network (192.0.2.0/24)');
  return (address) => rangeHolds(range, address);
}

function notesOf(folder: string, found: number, shown: number, report: RecordReport): string[] {
  const { files, unreadableLines, lostRecords } = report;
  const none = files === 0 ? `no request found; there is no HTTP log of this time in ${folder}` : 'no request found';
  return [
    ...(found === 0 ? [none] : []),
    ...(found > shown ? [`these are the newest ${shown} of ${found}; see more with --limit`] : []),
    ...(lostRecords > 0 ? [`${lostRecords} requests of this time were lost when the disk was too slow or full`] : []),
    ...(unreadableLines > 0 ? [`${unreadableLines} lines of the files could not be read`] : []),
  ];
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
  const width = Math.max(...lines.map(([head]) => head.length));
  const body = lines.map(([head, text]) => `  ${shownText(head.padEnd(width))}  ${shownText(text)}\n`);
  const { at, method, scheme, host, path } = record;
  return `${shownText(`${at} ${method} ${scheme}://${host}${path}`)}\n${body.join('')}`;
}

type Line = readonly [head: string, text: string];

function clientLines(record: HttpRecord): Line[] {
  const { client, clientPort, version, user, listener, frontEnd, requestId, userAgent } = record;
  const place = `at "${listener}" of ${frontEnd}, request ${requestId}`;
  const asUser = user === null ? '' : `user ${user}, `;
  return [
    ['client', `${joined(client, clientPort)}, HTTP/${version}, ${asUser}${place}`],
    ...lineOf('agent', userAgent),
    ...lineOf('service', record.service),
  ];
}

function wayLines({ hint, mailbox, trace, outcome, reason, tried, server }: HttpRecord): Line[] {
  return [
    ...lineOf('mailbox', mailbox === null || hint === null ? mailbox : `${mailbox}, by ${hint}`),
    ...trace.map(({ rule, detail }): Line => [rule, detail]),
    ...lineOf('decision', outcome === null || reason === null ? outcome : `${outcome}: ${reason}`),
    ...tried.map((attempt): Line => ['tried', `${attempt.server}: ${attempt.reason}`]),
    ...lineOf('server', server),
  ];
}

function lineOf(head: string, text: string | null): Line[] {
  return text === null ? [] : [[head, text]];
}

function joined(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function answerText(record: HttpRecord): string {
  const { endReason, bytesReceived, bytesSent, firstByteMs, durationMs } = record;
  const first = firstByteMs === null ? '' : `, the first after ${firstByteMs} ms`;
  const why = endReason === null ? '' : `: ${endReason}`;
  return `${statusText(record)}${why} (${bytesReceived} bytes in, ${bytesSent} out in ${durationMs} ms${first})`;
}
