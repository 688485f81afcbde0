import { Buffer } from 'node:buffer';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../errors.js';
import { listRotatedFiles, rotatedFileName } from './list-rotated-files.js';

/** Where a log's files are and how large they may grow. */
export interface LogPlace {
  readonly folder: string;
  readonly prefix: string;
  readonly suffix: string;
  readonly fileBytesMax: number;
}

/** The result of a write; `writtenBytes` counts whole lines only. */
export type WriteOutcome =
  | { readonly kind: 'written' }
  | { readonly kind: 'failed'; readonly writtenBytes: number; readonly error: unknown };

const lineFeed = 0x0a;
const nothing = Buffer.alloc(0);
// A link in the place of a log file must not lead the lines elsewhere.
const openFlags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/** One file of a log, open at its end. */
export class LogFile {
  readonly path: string;
  readonly dayStartMs: number;
  readonly #handle: FileHandle;
  readonly #inode: number;
  /** What must stand before the next line: the header, or the line feed that a broken line lacks. */
  #lead: Buffer;
  #sizeBytes: number;

  constructor(
    path: string,
    dayStartMs: number,
    handle: FileHandle,
    found: { readonly inode: number; readonly sizeBytes: number; readonly lead: Buffer },
  ) {
    this.path = path;
    this.dayStartMs = dayStartMs;
    this.#handle = handle;
    this.#inode = found.inode;
    this.#sizeBytes = found.sizeBytes;
    this.#lead = found.lead;
  }

  hasRoomFor(bytes: number, fileBytesMax: number): boolean {
    return this.#sizeBytes === 0 || this.#sizeBytes + bytes <= fileBytesMax;
  }

  /** Whether the path still leads to this file; also takes note of what other processes appended to it. */
  async isInPlace(): Promise<boolean> {
    try {
      const { ino, size } = await stat(this.path);
      this.#sizeBytes = size;
      return ino === this.#inode;
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  async append(lines: Buffer): Promise<WriteOutcome> {
    const lead = this.#lead;
    const bytes = lead.length === 0 ? lines : Buffer.concat([lead, lines]);
    let offset = 0;
    try {
      while (offset < bytes.length) {
        const { bytesWritten } = await this.#handle.write(bytes, offset, bytes.length - offset, null);
        offset += bytesWritten;
      }
    } catch (error) {
      const wholeLines = offset === 0 ? 0 : bytes.lastIndexOf(lineFeed, offset - 1) + 1;
      return { kind: 'failed', writtenBytes: Math.max(0, wholeLines - lead.length), error };
    }
    this.#lead = nothing;
    this.#sizeBytes += bytes.length;
    return { kind: 'written' };
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Goes on with the day's newest file if `bytes` more fit, else begins the next. Throws what the file system throws. */
export async function openLogFile(
  place: LogPlace,
  dayStartMs: number,
  bytes: number,
  header: () => string,
): Promise<LogFile> {
  const { folder, prefix, suffix } = place;
  await mkdir(folder, { recursive: true, mode: 0o750 });
  const files = await listRotatedFiles(folder, prefix, suffix);
  const newest = files.findLast((file) => file.dayStartMs === dayStartMs);
  if (newest?.isFile) {
    const file = await openAt(newest.path, dayStartMs, header);
    if (file.hasRoomFor(bytes, place.fileBytesMax)) return file;
    await file.close();
  }
  const path = join(folder, rotatedFileName(prefix, suffix, dayStartMs, (newest?.number ?? 0) + 1));
  return openAt(path, dayStartMs, header);
}

async function openAt(path: string, dayStartMs: number, header: () => string): Promise<LogFile> {
  const handle = await open(path, openFlags, 0o640);
  try {
    const { ino: inode, size: sizeBytes } = await handle.stat();
    const lead = sizeBytes === 0 ? Buffer.from(header()) : await missingLineFeed(handle, sizeBytes);
    return new LogFile(path, dayStartMs, handle, { inode, sizeBytes, lead });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function missingLineFeed(handle: FileHandle, sizeBytes: number): Promise<Buffer> {
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, sizeBytes - 1);
  return last[0] === lineFeed ? nothing : Buffer.from('\n');
}
