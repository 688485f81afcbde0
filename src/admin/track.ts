import { readTracking, type TrackingQuery, type TrackingRecord } from '../observability/tracking.js';
import { shownText } from './shown-text.js';
import { type TitledLine, titledLines } from './titled-lines.js';
import { type Tracked, type TrackTimes, timesOf, trackRecords } from './track-records.js';

export type { TrackingRecord };

/** What `track` was asked; times as they were typed. */
export interface TrackFlags extends TrackTimes {
  readonly messageId?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const wording = { one: 'message', many: 'records', missing: 'are no tracking files' };

/** What became of the messages that fit, from the tracking files of a folder; one that is not there has none. */
export async function trackMessages(
  folder: string,
  { messageId, from, to, limit, ...times }: TrackFlags,
  nowMs: number,
): Promise<Tracked<TrackingRecord>> {
  const query: TrackingQuery = { messageId, from, to, ...timesOf(times, nowMs) };
  return trackRecords(folder, wording, limit, (onEnd) => readTracking(folder, query, onEnd));
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
  return titledLines(`${record.at} ${record.messageId ?? 'without Message-ID'}`, lines);
}

function clientLines({ client, clientPort, helo, tls, user, connector, frontEnd, session, ...record }: TrackingRecord) {
  const place = `at "${connector}" of ${frontEnd}, session ${session}`;
  const words = [`${client}:${clientPort}`, `as ${helo}`, tls, user === null ? null : `user ${user}`, place];
  return [
    ['client', words.filter((word) => word !== null).join(', ')],
    ['from', pathText(record.from)],
    ...record.recipients.map(
      ({ address, verdict, reply }): TitledLine => ['to', `${address}  ${verdict}${reply === null ? '' : ` ${reply}`}`],
    ),
  ] satisfies readonly TitledLine[];
}

function wayLines({ filters, decision, tried, server, transaction, ...record }: TrackingRecord): TitledLine[] {
  const { leftOut = {}, outcome, reply, bytes, durationMs } = record;
  const missing = Object.entries(leftOut).map(([list, count]) => `${count} ${list}`);
  return [
    ...filters.map(({ agent, event, verdict, why }): TitledLine => [`${event}/${agent}`, `${verdict}: ${why}`]),
    ...(decision?.trace ?? []).map(({ rule, detail }): TitledLine => [rule, detail]),
    ...tried.map((attempt): TitledLine => ['tried', `${attempt.server}: ${attempt.reason}`]),
    ...(missing.length === 0 ? [] : ([['left out', missing.join(', ')]] as const)),
    ...(server === null ? [] : ([['server', server]] as const)),
    ...(transaction === null ? [] : ([['transaction', transaction]] as const)),
    ['answer', `${outcome}: ${reply} (${bytes} bytes in ${durationMs} ms)`],
  ];
}
