import type { RecordReport } from '../observability/read-record-files.js';
import { newestRecords } from './newest-records.js';
import { timeFlag } from './time-flag.js';

/** What every `track` was asked; times as they were typed. */
export interface TrackTimes {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** How many records at most: the newest of those that fit. */
  readonly limit: number;
}

export interface Tracked<T> {
  /** In the order of their times. */
  readonly records: readonly T[];
  /** What the reader should know beside them. */
  readonly notes: readonly string[];
}

/** How the notes of a log speak. */
export interface TrackWords {
  /** What is not found: `request`. */
  readonly one: string;
  /** What were lost: `requests`. */
  readonly many: string;
  /** What there is not: `is no HTTP log`. */
  readonly missing: string;
}

/** Reads the records of a folder to their end, and tells of it. */
type ReadRecords<T> = (onEnd: (report: RecordReport) => void) => AsyncIterable<T>;

/** The newest records of a reader, and notes on those that are not shown, were lost or could not be read. */
export async function trackRecords<T>(
  folder: string,
  words: TrackWords,
  limit: number,
  read: ReadRecords<T>,
): Promise<Tracked<T>> {
  let report: RecordReport = { files: 0, unreadableLines: 0, lostRecords: 0 };
  const onEnd = (said: RecordReport): void => {
    report = said;
  };
  const { records, found } = await newestRecords(read(onEnd), limit);
  return { records, notes: notesOf(folder, words, found, records.length, report) };
}

/** The time that is asked for, in milliseconds since the epoch. Throws UsherError for times that are none. */
export function timesOf(
  { since, until }: Omit<TrackTimes, 'limit'>,
  nowMs: number,
): { sinceMs: number | undefined; untilMs: number | undefined } {
  return {
    sinceMs: since === undefined ? undefined : timeFlag('since', since, nowMs, 'past'),
    untilMs: until === undefined ? undefined : timeFlag('until', until, nowMs, 'past'),
  };
}

function notesOf(
  folder: string,
  { one, many, missing }: TrackWords,
  found: number,
  shown: number,
  { files, unreadableLines, lostRecords }: RecordReport,
): string[] {
  const none = files === 0 ? `no ${one} found; there ${missing} of this time in ${folder}` : `no ${one} found`;
  return [
    ...(found === 0 ? [none] : []),
    ...(found > shown ? [`these are the newest ${shown} of ${found}; see more with --limit`] : []),
    ...(lostRecords > 0 ? [`${lostRecords} ${many} of this time were lost when the disk was too slow or full`] : []),
    ...(unreadableLines > 0 ? [`${unreadableLines} lines of the files could not be read`] : []),
  ];
}
