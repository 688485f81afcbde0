import { type LogOptions, openRotatedFile } from './rotated-file.js';

/** A log of which each line is one record. */
export interface RecordLog<T> {
  /** Never throws, never waits. */
  write(record: T): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface RecordLogOptions<T> extends LogOptions {
  readonly folder: string;
  readonly prefix: string;
  readonly suffix: string;
  /** One line of JSON without a line feed, `at` first. */
  readonly lineOf: (record: T) => string;
}

/** A log of JSON lines; where some found no room, a line of their own says how many. */
export function openRecordLog<T>({ lineOf, ...options }: RecordLogOptions<T>): RecordLog<T> {
  const file = openRotatedFile({
    ...options,
    lossLine: (lines) => JSON.stringify({ at: new Date(options.nowMs()).toISOString(), lostRecords: lines }),
  });
  return {
    write: (record) => file.write(lineOf(record)),
    flush: () => file.flush(),
    close: () => file.close(),
  };
}

const megabyte = 1024 * 1024;

/** Sizes of a log with many times as many records as there are messages. */
export const busyLogSizes = {
  fileBytesMax: 50 * megabyte,
  folderBytesMax: 1000 * megabyte,
  heldBytesMax: 16 * megabyte,
} as const;
