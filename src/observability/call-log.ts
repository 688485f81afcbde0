import { callLine } from './call-line.js';
import { type CallRecord, callLogFiles } from './call-record.js';
import { busyLogSizes, openRecordLog, type RecordLog } from './record-log.js';
import type { LogOptions } from './rotated-file.js';

export type CallLog = RecordLog<CallRecord>;

/**
 * What became of the calls of a front end: one JSON line each, in files `CALL20261122-1.jsonl`. Unless the options say
 * otherwise files end at 50 MB, the folder at 1,000 MB, and lines that wait for the disk at 16 MB.
 */
export function createCallLog(options: LogOptions & { readonly folder: string }): CallLog {
  return openRecordLog({ ...busyLogSizes, ...options, ...callLogFiles, lineOf: callLine });
}
