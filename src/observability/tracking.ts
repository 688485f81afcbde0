import { type LogOptions, openRotatedFile } from './rotated-file.js';
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
  const file = openRotatedFile({
    ...options,
    folder,
    ...trackingFiles,
    lossLine: (lines) => JSON.stringify({ at: new Date(options.nowMs()).toISOString(), lostRecords: lines }),
  });
  return {
    record: (record) => file.write(trackingLine(record)),
    flush: () => file.flush(),
    close: () => file.close(),
  };
}
