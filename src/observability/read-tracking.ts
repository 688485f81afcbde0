import { type RecordReport, readRecordFiles } from './read-record-files.js';
import { needleOf } from './search-text.js';
import { isTrackingRecord, type TrackingRecord, trackingFiles } from './tracking-record.js';

/** Which messages; every part given must fit. */
export interface TrackingQuery {
  /** With or without angle brackets. */
  readonly messageId?: string | undefined;
  /** The sender, in any case; '' or `<>` for the empty one. */
  readonly from?: string | undefined;
  /** One of the recipients, in any case. */
  readonly to?: string | undefined;
  /** Answered at this moment or later: milliseconds since the epoch. */
  readonly sinceMs?: number | undefined;
  /** Answered at this moment or earlier. */
  readonly untilMs?: number | undefined;
}

export type TrackingReport = RecordReport;

/**
 * The records that fit, in the order of their answers. A folder that is not there has none. A last line that is still
 * being written is left alone. `onEnd` is told when all were read.
 * Throws UsherError `unreadable` for files that cannot be read.
 */
export function readTracking(
  folder: string,
  { messageId, from, to, sinceMs, untilMs }: TrackingQuery,
  onEnd?: (report: TrackingReport) => void,
): AsyncGenerator<TrackingRecord, void, undefined> {
  const id = messageId === undefined ? undefined : bare(messageId);
  const sender = from === undefined ? undefined : bare(from).toLowerCase();
  const recipient = to === undefined ? undefined : bare(to).toLowerCase();
  const search = {
    title: 'message tracking',
    files: trackingFiles,
    sinceMs,
    untilMs,
    needles: [id, sender, recipient].flatMap((text) => (text ? [needleOf(text)] : [])),
    isRecord: isTrackingRecord,
    fits: (record: TrackingRecord): boolean =>
      (id === undefined || (record.messageId !== null && bare(record.messageId) === id)) &&
      (sender === undefined || bare(record.from).toLowerCase() === sender) &&
      (recipient === undefined || record.recipients.some(({ address }) => bare(address).toLowerCase() === recipient)),
  };
  return readRecordFiles(folder, search, onEnd);
}

function bare(text: string): string {
  const trimmed = text.trim();
  return trimmed.startsWith('<') && trimmed.endsWith('>') ? trimmed.slice(1, -1) : trimmed;
}
