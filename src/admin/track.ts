import {
  readTracking,
  type TrackingQuery,
  type TrackingRecord,
  type TrackingReport,
} from '../observability/tracking.js';
import { newestRecords } from './newest-records.js';
import { shownText } from './shown-text.js';
import { timeFlag } from './time-flag.js';

export type { TrackingRecord };

/** What `track` was asked; times as they were typed. */
export interface TrackFlags {
  readonly messageId?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** How many records at most: the newest of those that fit. */
  readonly limit: number;
}

export interface Tracked {
  /** In the order of their answers. */
  readonly records: readonly TrackingRecord[];
  /** What the reader should know beside them. */
  readonly notes: readonly string[];
}

/** What became of the messages that fit, from the tracking files of a folder; one that is not there has none. */
export async function trackMessages(folder: string, flags: TrackFlags, nowMs: number): Promise<Tracked> {
  let report: TrackingReport = { files: 0, unreadableLines: 0, lostRecords: 0 };
  const onEnd = (said: TrackingReport): void => {
    report = said;
  };
  const { records, found } = await newestRecords(readTracking(folder, queryOf(flags, nowMs), onEnd), flags.limit);
  return { records, notes: notesOf(folder, found, records.length, report) };
}

function queryOf({ messageId, from, to, since, until }: TrackFlags, nowMs: number): TrackingQuery {
  return {
    ...(messageId !== undefined && { messageId }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(since !== undefined && { sinceMs: timeFlag('since', since, nowMs, 'past') }),
    ...(until !== undefined && { untilMs: timeFlag('until', until, nowMs, 'past') }),
  };
}

function notesOf(folder: string, found: number, shown: number, report: TrackingReport): string[] {
  const { files, unreadableLines, lostRecords } = report;
  const none =
    files === 0 ? `no message found; there are no tracking files of this time in ${folder}` : 'no message found';
  return [
    ...(found === 0 ? [none] : []),
    ...(found > shown ? [`these are the newest ${shown} of ${found}; see more with --limit`] : []),
    ...(lostRecords > 0 ? [`${lostRecords} records of this time were lost when the disk was too slow or full`] : []),
    ...(unreadableLines > 0 ? [`${unreadableLines} lines of the files could not be read`] : []),
  ];
}

export const trackHeadings = ['at', 'from', 'to', 'server', 'reply', 'message-id'] as const;

/** A row of the table: when, from whom, to whom, through which server, the answer, which message. */
export function trackRow({ at, from, recipients, server, reply, messageId }: TrackingRecord): string[] {
  const to = recipients.map(({ address }) => address).join(',');
  return [at, pathText(from), to, server ?? '', reply, messageId ?? ''].map(shownText);
}

const pathText = (address: string): string => (address === '' ? '<>' : address);

/** Everything about a message, line by line: who brought it, what was said of it, and which way it was sent. */
export function trackText(record: TrackingRecord): string {
  const lines = [...clientLines(record), ...wayLines(record)];
  const width = Math.max(...lines.map(([head]) => head.length));
  const body = lines.map(([head, text]) => `  ${shownText(head.padEnd(width))}  ${shownText(text)}\n`);
  return `${shownText(`${record.at} ${record.messageId ?? 'without Message-ID'}`)}\n${body.join('')}`;
}

type Line = readonly [head: string, text: string];

function clientLines({ client, clientPort, helo, tls, user, connector, frontEnd, session, ...record }: TrackingRecord) {
  const place = `at "${connector}" of ${frontEnd}, session ${session}`;
  const words = [`${client}:${clientPort}`, `as ${helo}`, tls, user === null ? null : `user ${user}`, place];
  return [
    ['client', words.filter((word) => word !== null).join(', ')],
    ['from', pathText(record.from)],
    ...record.recipients.map(
      ({ address, verdict, reply }): Line => ['to', `${address}  ${verdict}${reply === null ? '' : ` ${reply}`}`],
    ),
  ] satisfies readonly Line[];
}

function wayLines({ filters, decision, tried, server, transaction, ...record }: TrackingRecord): Line[] {
  const { leftOut = {}, outcome, reply, bytes, durationMs } = record;
  const missing = Object.entries(leftOut).map(([list, count]) => `${count} ${list}`);
  return [
    ...filters.map(({ agent, event, verdict, why }): Line => [`${event}/${agent}`, `${verdict}: ${why}`]),
    ...(decision?.trace ?? []).map(({ rule, detail }): Line => [rule, detail]),
    ...tried.map((attempt): Line => ['tried', `${attempt.server}: ${attempt.reason}`]),
    ...(missing.length === 0 ? [] : ([['left out', missing.join(', ')]] as const)),
    ...(server === null ? [] : ([['server', server]] as const)),
    ...(transaction === null ? [] : ([['transaction', transaction]] as const)),
    ['answer', `${outcome}: ${reply} (${bytes} bytes in ${durationMs} ms)`],
  ];
}
