import { reasonOf, systemCodeOf, UsherError } from '../errors.js';
import { linesOfFile } from './lines-of-file.js';
import { listRotatedFiles, type RotatedFileName } from './list-rotated-files.js';
import { jsonLine } from './tracking-line.js';
import { isTrackingRecord, type TrackingRecord, trackingFiles } from './tracking-record.js';

/** Which messages; every part given must fit. */
export interface TrackingQuery {
  /** With or without angle brackets. */
  readonly messageId?: string;
  /** The sender, in any case; '' or `<>` for the empty one. */
  readonly from?: string;
  /** One of the recipients, in any case. */
  readonly to?: string;
  /** Answered at this moment or later: milliseconds since the epoch. */
  readonly sinceMs?: number;
  /** Answered at this moment or earlier. */
  readonly untilMs?: number;
}

/** What a reader of all records should know beside them. */
export interface TrackingReport {
  /** Files that were read. */
  readonly files: number;
  /** Lines that are no records, among those that might have fit. */
  readonly unreadableLines: number;
  /** Records that the writer had no room for. */
  readonly lostRecords: number;
}

type Counts = { -readonly [Name in keyof TrackingReport]: TrackingReport[Name] };

interface Search {
  /** What a fitting line has in it, in lower case. */
  readonly needles: readonly string[];
  isInTime(at: string): boolean;
  fits(record: TrackingRecord): boolean;
}

const dayMs = 86_400_000;
const lineBytesMax = 16 * 1024 * 1024;
// Every record is longer, and a notice of lost ones shorter.
const shortLineLengthMax = 100;
// Processes that share a folder write in turns; so many records and recipients are held back to bring them into order.
const heldMax = 4096;

/**
 * The records that fit, in the order of their answers. A folder that is not there has none. A last line that is still
 * being written is left alone. `onEnd` is told when all were read.
 * Throws UsherError `unreadable` for files that cannot be read.
 */
export async function* readTracking(
  folder: string,
  query: TrackingQuery,
  onEnd?: (report: TrackingReport) => void,
): AsyncGenerator<TrackingRecord, void, undefined> {
  const search = searchFor(query);
  const report: Counts = { files: 0, unreadableLines: 0, lostRecords: 0 };
  try {
    yield* inOrder(recordsOf(await filesFor(folder, query), search, report));
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    const message = `the message tracking in ${folder} cannot be read: ${reasonOf(error)}`;
    throw new UsherError('failed', 'unreadable', message, [], { cause: error });
  }
  onEnd?.(report);
}

async function* inOrder(records: AsyncIterable<TrackingRecord>): AsyncGenerator<TrackingRecord, void, undefined> {
  const held: TrackingRecord[] = [];
  let heldSize = 0;
  for await (const record of records) {
    insertInOrder(held, record);
    heldSize += sizeOf(record);
    for (let first = held[0]; first && heldSize > heldMax; first = held[0]) {
      held.shift();
      heldSize -= sizeOf(first);
      yield first;
    }
  }
  yield* held;
}

function searchFor({ messageId, from, to, sinceMs = -Infinity, untilMs = Infinity }: TrackingQuery): Search {
  const id = messageId === undefined ? undefined : bare(messageId);
  const sender = from === undefined ? undefined : bare(from).toLowerCase();
  const recipient = to === undefined ? undefined : bare(to).toLowerCase();
  const wanted = [id, sender, recipient].filter((text) => text !== undefined && text !== '');
  const isInTime = (at: string): boolean => {
    const atMs = Date.parse(at);
    return atMs >= sinceMs && atMs <= untilMs;
  };
  return {
    isInTime,
    needles: wanted.map((text) => jsonLine(text).slice(1, -1).toLowerCase()),
    fits(record) {
      return (
        isInTime(record.at) &&
        (id === undefined || (record.messageId !== null && bare(record.messageId) === id)) &&
        (sender === undefined || bare(record.from).toLowerCase() === sender) &&
        (recipient === undefined || record.recipients.some(({ address }) => bare(address).toLowerCase() === recipient))
      );
    },
  };
}

function bare(text: string): string {
  const trimmed = text.trim();
  return trimmed.startsWith('<') && trimmed.endsWith('>') ? trimmed.slice(1, -1) : trimmed;
}

/** Records stand in the file of the day on which they were written, which is that of the answer or just after it. */
async function filesFor(folder: string, { sinceMs = -Infinity, untilMs = Infinity }: TrackingQuery) {
  let files: RotatedFileName[];
  try {
    files = await listRotatedFiles(folder, trackingFiles.prefix, trackingFiles.suffix);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
  return files.filter(({ isFile, dayStartMs }) => {
    return isFile && dayStartMs + dayMs > sinceMs && dayStartMs - dayMs <= untilMs;
  });
}

async function* recordsOf(
  files: readonly RotatedFileName[],
  search: Search,
  report: Counts,
): AsyncGenerator<TrackingRecord, void, undefined> {
  for (const { path } of files) {
    report.files += 1;
    try {
      yield* recordsIn(path, search, report);
    } catch (error) {
      // The writer has deleted it since as too old.
      if (systemCodeOf(error) !== 'ENOENT') throw error;
    }
  }
}

async function* recordsIn(
  path: string,
  search: Search,
  report: Counts,
): AsyncGenerator<TrackingRecord, void, undefined> {
  for await (const { kind, lines } of linesOfFile(path, lineBytesMax)) {
    for (const line of lines) {
      const record = recordIn(line, kind, search, report);
      if (record) yield record;
    }
  }
}

function recordIn(line: string, kind: 'whole' | 'unended', search: Search, report: Counts): TrackingRecord | undefined {
  if (line.length > shortLineLengthMax && !mayFit(line, search)) return undefined;
  const value = parsed(line);
  if (isTrackingRecord(value)) return search.fits(value) ? value : undefined;
  if (isLossNotice(value)) {
    if (search.isInTime(value.at)) report.lostRecords += value.lostRecords;
  } else if (kind === 'whole') report.unreadableLines += 1;
  return undefined;
}

function mayFit(line: string, { needles }: Search): boolean {
  if (needles.length === 0) return true;
  const lower = line.toLowerCase();
  return needles.every((needle) => lower.includes(needle));
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

function sizeOf({ recipients }: TrackingRecord): number {
  return 1 + recipients.length;
}

/** Behind those of the same moment; nearly always that is the end. ISO 8601 in UTC sorts as text. */
function insertInOrder(held: TrackingRecord[], record: TrackingRecord): void {
  const after = held.findLastIndex(({ at }) => at <= record.at);
  held.splice(after + 1, 0, record);
}
