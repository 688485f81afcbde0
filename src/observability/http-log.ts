import { httpLine } from './http-line.js';
import { type HttpRecord, httpLogFiles } from './http-record.js';
import { type LogOptions, openRotatedFile } from './rotated-file.js';

export interface HttpLog {
  /** Never throws, never waits. */
  write(record: HttpRecord): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

const megabyte = 1024 * 1024;
// Many times as many requests as messages.
const sizes = { fileBytesMax: 50 * megabyte, folderBytesMax: 1000 * megabyte, heldBytesMax: 16 * megabyte };

/**
 * What became of the HTTP requests of a front end: one JSON line each, in files `HTTP20261122-1.jsonl`. Unless the
 * options say otherwise files end at 50 MB, the folder at 1,000 MB, and lines that wait for the disk at 16 MB.
 */
export function createHttpLog(options: LogOptions & { readonly folder: string }): HttpLog {
  const file = openRotatedFile({
    ...sizes,
    ...options,
    ...httpLogFiles,
    lossLine: (lines) => JSON.stringify({ at: new Date(options.nowMs()).toISOString(), lostRecords: lines }),
  });
  return {
    write: (record) => file.write(httpLine(record)),
    flush: () => file.flush(),
    close: () => file.close(),
  };
}
