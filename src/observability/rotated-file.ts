import { Buffer } from 'node:buffer';
import { reasonOf } from '../errors.js';
import { LineBacklog, type LineChunk } from './line-backlog.js';
import { type LogFile, openLogFile } from './log-file.js';
import { pruneRotatedFiles } from './prune-rotated-files.js';

/** What an operator should hear of; writers of lines never do. */
export type FileTrouble =
  /** Lines wait in memory; the file is tried again every few seconds. Told once until it works again. */
  | { readonly kind: 'unwritable'; readonly folder: string; readonly reason: string }
  /** An old file stays. Told once. */
  | { readonly kind: 'not-deleted'; readonly folder: string; readonly reason: string }
  /** So many lines found no room in memory, or were left when the log was closed. */
  | { readonly kind: 'lost'; readonly folder: string; readonly lines: number };

/** What the makers of a log choose; the rest is the log's own. */
export interface LogOptions {
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  readonly onTrouble: (trouble: FileTrouble) => void;
  /** 10 MB. */
  readonly fileBytesMax?: number;
  /** 250 MB, the file being written counted as full. */
  readonly folderBytesMax?: number;
  /** 30 days, by the day in the name. */
  readonly ageMaxMs?: number;
  /** Lines waiting for the disk: 4 MB. */
  readonly heldBytesMax?: number;
  /** How long to leave a file that cannot be written alone: 5 s. */
  readonly retryAfterMs?: number;
}

export interface RotatedFileOptions extends LogOptions {
  readonly folder: string;
  readonly prefix: string;
  readonly suffix: string;
  /** The first lines of each file, each with its line feed. */
  readonly header?: (atMs: number) => string;
  /** The line that tells of lost ones. */
  readonly lossLine?: (lines: number) => string;
}

export interface RotatedFile {
  /** Takes one line without a line feed in it. Never throws, never waits. */
  write(line: string): void;
  /** Resolves when what was written so far is in the file, or could not be put there. */
  flush(): Promise<void>;
  /** Takes no more lines, writes those it has and closes; of lines that come later the first is told as lost. */
  close(): Promise<void>;
}

const megabyte = 1024 * 1024;
const dayMs = 86_400_000;
const chunkLengthMax = 65_536;
const gatherMs = 50;
const lookEveryMs = 1000;
const nothing = Buffer.alloc(0);

/**
 * A log of lines in files `RECV20261122-1.log` (UTC), begun anew each day and at `fileBytesMax`; old ones are deleted
 * when a file is opened. A restart goes on with the newest file of the day. Several processes may share a folder.
 */
export function openRotatedFile(options: RotatedFileOptions): RotatedFile {
  return new LineWriter(options);
}

class LineWriter implements RotatedFile {
  readonly #options: RotatedFileOptions;
  readonly #fileBytesMax: number;
  readonly #backlog: LineBacklog;
  #file: LogFile | undefined;
  #lookedAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #disk: 'well' | 'troubled' = 'well';
  /** `over`: closed, and a late line was told of. */
  #intake: 'open' | 'closed' | 'over' = 'open';
  #toldNotDeleted = false;

  constructor(options: RotatedFileOptions) {
    this.#options = options;
    this.#fileBytesMax = options.fileBytesMax ?? 10 * megabyte;
    const chunkMax = Math.min(chunkLengthMax, this.#fileBytesMax);
    this.#backlog = new LineBacklog(chunkMax, options.heldBytesMax ?? 4 * megabyte);
  }

  write(line: string): void {
    if (this.#intake !== 'open') {
      if (this.#intake === 'closed') this.#tellLost(1);
      this.#intake = 'over';
      return;
    }
    const nowMs = this.#options.nowMs();
    if (this.#backlog.lostLines > 0) this.#settleLoss(nowMs);
    this.#backlog.add(line, nowMs);
    if (this.#disk === 'troubled') return;
    if (this.#backlog.firstChunk) this.#begin();
    this.#timer ??= this.#wake(gatherMs);
  }

  async flush(): Promise<void> {
    this.#backlog.cut();
    this.#begin();
    await this.#writing;
  }

  async close(): Promise<void> {
    if (this.#intake !== 'open') return;
    this.#intake = 'closed';
    await this.flush();
    clearTimeout(this.#timer);
    const lost = this.#backlog.abandon();
    if (lost > 0) this.#tellLost(lost);
    await this.#closeFile();
  }

  #wake(afterMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = undefined;
      this.#backlog.cut();
      this.#begin();
    }, afterMs).unref();
  }

  #begin(): void {
    if (this.#backlog.firstChunk) this.#writing ??= this.#writeChunks();
  }

  /** Writes the chunks there are, in order, up to the first failure. Never rejects. */
  async #writeChunks(): Promise<void> {
    for (let chunk = this.#backlog.firstChunk; chunk; chunk = this.#backlog.firstChunk) {
      const failure = await this.#writeChunk(chunk);
      if (failure !== undefined) {
        await this.#retreat(failure);
        break;
      }
      this.#disk = 'well';
      this.#settleLoss(this.#options.nowMs());
    }
    this.#writing = undefined;
    if (this.#disk === 'well' && this.#backlog.hasText) this.#timer ??= this.#wake(gatherMs);
  }

  /** Returns why it failed; what could not be written stays the first chunk. */
  async #writeChunk(chunk: LineChunk): Promise<string | undefined> {
    try {
      const file = await this.#fileFor(chunk);
      const outcome = await file.append(chunk.bytes);
      this.#backlog.keepOfFirst(outcome.kind === 'written' ? nothing : chunk.bytes.subarray(outcome.writtenBytes));
      return outcome.kind === 'written' ? undefined : reasonOf(outcome.error);
    } catch (error) {
      return reasonOf(error);
    }
  }

  async #fileFor({ bytes, dayStartMs }: LineChunk): Promise<LogFile> {
    const { folder, prefix, suffix, header, nowMs } = this.#options;
    const atMs = nowMs();
    if (this.#file) {
      const isDue = Math.abs(atMs - this.#lookedAtMs) >= lookEveryMs;
      if (isDue) this.#lookedAtMs = atMs;
      const isInPlace = !isDue || (await this.#file.isInPlace());
      const isOfDay = this.#file.dayStartMs === dayStartMs;
      if (isInPlace && isOfDay && this.#file.hasRoomFor(bytes.length, this.#fileBytesMax)) return this.#file;
      await this.#closeFile();
    }
    const place = { folder, prefix, suffix, fileBytesMax: this.#fileBytesMax };
    this.#file = await openLogFile(place, dayStartMs, bytes.length, () => header?.(atMs) ?? '');
    this.#lookedAtMs = atMs;
    await this.#prune(this.#file.path, atMs);
    return this.#file;
  }

  async #prune(keepPath: string, atMs: number): Promise<void> {
    const { folder, prefix, suffix, folderBytesMax = 250 * megabyte, ageMaxMs = 30 * dayMs } = this.#options;
    const limits = { bytesMax: folderBytesMax - this.#fileBytesMax, ageMaxMs };
    const [reason] = await pruneRotatedFiles({ folder, prefix, suffix, keepPath }, limits, atMs);
    if (reason === undefined || this.#toldNotDeleted) return;
    this.#toldNotDeleted = true;
    this.#options.onTrouble({ kind: 'not-deleted', folder, reason });
  }

  /** Lets go of the file and comes back to it later. */
  async #retreat(reason: string): Promise<void> {
    const { folder, retryAfterMs = 5000, onTrouble } = this.#options;
    if (this.#disk === 'well') onTrouble({ kind: 'unwritable', folder, reason });
    this.#disk = 'troubled';
    await this.#closeFile();
    clearTimeout(this.#timer);
    this.#timer = this.#wake(retryAfterMs);
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    try {
      await file?.close();
    } catch (error) {
      this.#options.onTrouble({ kind: 'unwritable', folder: this.#options.folder, reason: reasonOf(error) });
    }
  }

  #settleLoss(atMs: number): void {
    const lost = this.#backlog.takeLoss(this.#options.lossLine, atMs);
    if (lost > 0) this.#tellLost(lost);
  }

  #tellLost(lines: number): void {
    this.#options.onTrouble({ kind: 'lost', folder: this.#options.folder, lines });
  }
}
