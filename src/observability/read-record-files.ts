import { stat } from 'node:fs/promises';
import { reasonOf, systemCodeOf, UsherError } from '../errors.js';
import { linesOfFile } from './lines-of-file.js';
import { listRotatedFiles, type RotatedFileName } from './list-rotated-files.js';

interface SearchedTime {
  /** Milliseconds since the epoch, both ends included. */
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
}

/** Which records of a log of JSON lines; `at` stands first in each line, in UTC with milliseconds. */
export interface RecordSearch<T extends { readonly at: string }> extends SearchedTime {
  /** What the log is called in messages. */
  readonly title: string;
  readonly files: { readonly prefix: string; readonly suffix: string };
  /** What a fitting line has in it, in lower case. */
  readonly needles: readonly string[];
  isRecord(value: unknown): value is T;
  /** Asked of records of the time only. */
  fits(record: T): boolean;
}

/** What a reader of all records should know beside them. */
export interface RecordReport {
  /** Files that were read. */
  readonly files: number;
  /** Lines that are no records, among those that might have fit. */
  readonly unreadableLines: number;
  /** Records that the writer had no room for. */
  readonly lostRecords: number;
}

type Counts = { -readonly [Name in keyof RecordReport]: RecordReport[Name] };

interface Found<T> {
  readonly record: T;
  readonly length: number;
}

const dayMs = 86_400_000;
const lineBytesMax = 16 * 1024 * 1024;
// Every record is longer, and a notice of lost ones shorter.
const shortLineLengthMax = 100;
// Processes that share a folder write in turns; so much is held back to bring their records into order.
const heldRecordsMax = 4096;
const heldLengthMax = 16 * 1024 * 1024;
// File systems write down the time of their last tick.
const clockSlackMs = 1000;
const yearTenThousandMs = Date.UTC(10_000, 0);
const before = '{"at":"';
const atLength = '2026-11-22T10:00:00.000Z'.length;

/**
 * The records that fit, in the order of their times. A folder that is not there has none. A last line that is still
 * being written is left alone. `onEnd` is told when all were read.
 * Throws UsherError `unreadable` for files that cannot be read.
 */
export async function* readRecordFiles<T extends { readonly at: string }>(
  folder: string,
  search: RecordSearch<T>,
  onEnd?: (report: RecordReport) => void,
): AsyncGenerator<T, void, undefined> {
  const report: Counts = { files: 0, unreadableLines: 0, lostRecords: 0 };
  try {
    yield* inOrder(recordsOf(await filesFor(folder, search), search, report));
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    const message = `the ${search.title} in ${folder} cannot be read: ${reasonOf(error)}`;
    throw new UsherError('failed', 'unreadable', message, [], { cause: error });
  }
  onEnd?.(report);
}

async function* inOrder<T extends { readonly at: string }>(
  found: AsyncIterable<Found<T>>,
): AsyncGenerator<T, void, undefined> {
  const held: Found<T>[] = [];
  let heldLength = 0;
  for await (const one of found) {
    // Behind those of the same moment; nearly always that is the end. ISO 8601 in UTC sorts as text.
    const after = held.findLastIndex(({ record }) => record.at <= one.record.at);
    held.splice(after + 1, 0, one);
    heldLength += one.length;
    while (held.length > heldRecordsMax || heldLength > heldLengthMax) {
      const first = held.shift();
      if (!first) break;
      heldLength -= first.length;
      yield first.record;
    }
  }
  for (const { record } of held) yield record;
}

/** Records stand in the file of the day on which they were written, which is that of their time or just after it. */
async function filesFor<T extends { readonly at: string }>(
  folder: string,
  { files: { prefix, suffix }, sinceMs = -Infinity, untilMs = Infinity }: RecordSearch<T>,
): Promise<RotatedFileName[]> {
  try {
    const files = await listRotatedFiles(folder, prefix, suffix);
    return files.filter(({ isFile, dayStartMs }) => {
      return isFile && dayStartMs + dayMs > sinceMs && dayStartMs - dayMs <= untilMs;
    });
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function* recordsOf<T extends { readonly at: string }>(
  files: readonly RotatedFileName[],
  search: RecordSearch<T>,
  report: Counts,
): AsyncGenerator<Found<T>, void, undefined> {
  for (const file of files) {
    try {
      if (await wasOverBefore(file, search.sinceMs ?? -Infinity)) continue;
      report.files += 1;
      yield* recordsIn(file.path, search, report);
    } catch (error) {
      // The writer has deleted it since as too old.
      if (systemCodeOf(error) !== 'ENOENT') throw error;
    }
  }
}

/** Whether nothing was written to a file since; a time of change before the file's own day is nobody's word. */
async function wasOverBefore({ path, dayStartMs }: RotatedFileName, sinceMs: number): Promise<boolean> {
  if (sinceMs === -Infinity) return false;
  const { mtimeMs } = await stat(path);
  return mtimeMs >= dayStartMs && mtimeMs + clockSlackMs < sinceMs;
}

async function* recordsIn<T extends { readonly at: string }>(
  path: string,
  search: RecordSearch<T>,
  report: Counts,
): AsyncGenerator<Found<T>, void, undefined> {
  const span = spanOf(search);
  for await (const { kind, lines } of linesOfFile(path, lineBytesMax)) {
    for (const line of lines) {
      const record = recordIn(line, kind, search, span, report);
      if (record) yield { record, length: line.length };
    }
  }
}

/** A search's time in the form of `at`, which sorts as text. */
interface Span {
  readonly first: string;
  readonly last: string;
}

function spanOf({ sinceMs = -Infinity, untilMs = Infinity }: SearchedTime): Span {
  return { first: timeText(Math.ceil(sinceMs)), last: timeText(Math.floor(untilMs)) };
}

/** Before and after the years that sort as text stand '' and `~`. */
function timeText(atMs: number): string {
  if (atMs < 0) return '';
  return atMs < yearTenThousandMs ? new Date(atMs).toISOString() : '~';
}

function recordIn<T extends { readonly at: string }>(
  line: string,
  kind: 'whole' | 'unended',
  search: RecordSearch<T>,
  span: Span,
  report: Counts,
): T | undefined {
  if (line.length > shortLineLengthMax && !mayFit(line, search.needles, span)) return undefined;
  const value = parsed(line);
  if (search.isRecord(value)) return isInTime(value.at, search) && search.fits(value) ? value : undefined;
  if (isLossNotice(value)) {
    if (isInTime(value.at, search)) report.lostRecords += value.lostRecords;
  } else if (kind === 'whole') report.unreadableLines += 1;
  return undefined;
}

/** Cheap, because most lines go no further. */
function mayFit(line: string, needles: readonly string[], { first, last }: Span): boolean {
  const end = before.length + atLength;
  if (line.startsWith(before) && line.startsWith('Z"', end - 1)) {
    const at = line.slice(before.length, end);
    if (at < first || at > last) return false;
  }
  if (needles.length === 0) return true;
  const lower = line.toLowerCase();
  return needles.every((needle) => lower.includes(needle));
}

function isInTime(at: string, { sinceMs = -Infinity, untilMs = Infinity }: SearchedTime): boolean {
  const atMs = Date.parse(at);
  return atMs >= sinceMs && atMs <= untilMs;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isLossNotice(value: unknown): value is { readonly at: string; readonly lostRecords: number } {
  if (typeof value !== 'object' || value === null || !('lostRecords' in value) || !('at' in value)) return false;
  return typeof value.at === 'string' && Number.isSafeInteger(value.lostRecords);
}
