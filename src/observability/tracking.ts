import { openRecordLog } from './record-log.js';
import type { LogOptions } from './rotated-file.js';
import { trackingLine } from './tracking-line.js';
import { type TrackingRecord, trackingFiles } from './tracking-record.js';

export { readTracking, type TrackingQuery, type TrackingReport } from './read-tracking.js';
export type { TrackingRecord } from './tracking-record.js';

export interface Tracking {
  /** Never throws, never waits. */
  record(record: TrackingRecord): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** What became of the messages of a front end: one JSON line each, in files `MSGTRK20261122-1.jsonl`. */
export function openTracking(folder: string, options: LogOptions): Tracking {
  const log = openRecordLog({ ...options, folder, ...trackingFiles, lineOf: trackingLine });
  return {
    record: (record) => log.write(record),
    flush: () => log.flush(),
    close: () => log.close(),
  };
}
