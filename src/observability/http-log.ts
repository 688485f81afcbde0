import { httpLine } from './http-line.js';
import { type HttpRecord, httpLogFiles } from './http-record.js';
import { busyLogSizes, openRecordLog, type RecordLog } from './record-log.js';
import type { LogOptions } from './rotated-file.js';

export type HttpLog = RecordLog<HttpRecord>;

/**
 * What became of the HTTP requests of a front end: one JSON line each, in files `HTTP20261122-1.jsonl`. Unless the
 * options say otherwise files end at 50 MB, the folder at 1,000 MB, and lines that wait for the disk at 16 MB.
 */
export function createHttpLog(options: LogOptions & { readonly folder: string }): HttpLog {
  return openRecordLog({ ...busyLogSizes, ...options, ...httpLogFiles, lineOf: httpLine });
}
