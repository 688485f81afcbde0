import { Buffer } from 'node:buffer';

/** Whole lines of one UTC day, ready to be written. */
export interface LineChunk {
  readonly bytes: Buffer;
  readonly dayStartMs: number;
}

const dayMs = 86_400_000;
const lineFeed = 0x0a;

/** The first millisecond of a moment's UTC day. */
export function startOfDay(atMs: number): number {
  return Math.floor(atMs / dayMs) * dayMs;
}

/** Lines on their way to a file, in order and in bounded memory; what does not fit is counted and dropped. */
export class LineBacklog {
  readonly #chunkLengthMax: number;
  readonly #heldBytesMax: number;
  readonly #chunks: LineChunk[] = [];
  #chunkBytes = 0;
  /** Lines that are in no chunk yet; they are turned into bytes one by one, while they are fresh. */
  #buffer: Buffer | null = null;
  #used = 0;
  #dayStartMs = 0;
  #lostLines = 0;

  constructor(chunkLengthMax: number, heldBytesMax: number) {
    this.#chunkLengthMax = chunkLengthMax;
    this.#heldBytesMax = heldBytesMax;
  }

  /** Lines dropped since the loss was last taken. */
  get lostLines(): number {
    return this.#lostLines;
  }

  get hasText(): boolean {
    return this.#used > 0;
  }

  get firstChunk(): LineChunk | undefined {
    return this.#chunks[0];
  }

  /** Takes a line in, or counts it as lost. */
  add(line: string, atMs: number): void {
    const heldBytes = this.#chunkBytes + this.#used;
    // Lines behind a loss wait until the loss is taken, so that its notice stands in its place.
    if (this.#lostLines > 0 || heldBytes + line.length >= this.#heldBytesMax) {
      this.#lostLines += 1;
      return;
    }
    this.#append(line, atMs);
  }

  /** Once half of the memory is free again: counts from nought, and enters the notice of what was lost, if there is one. */
  takeLoss(noticeOf: ((lines: number) => string) | undefined, atMs: number): number {
    const lost = this.#lostLines;
    if (lost === 0 || this.#chunkBytes + this.#used > this.#heldBytesMax / 2) return 0;
    this.#lostLines = 0;
    if (noticeOf) this.#append(noticeOf(lost), atMs);
    return lost;
  }

  /** Makes a chunk of the lines that are not in one yet. */
  cut(): void {
    const buffer = this.#buffer;
    if (buffer === null || this.#used === 0) return;
    // Few lines are copied, so that their buffer can be filled again.
    const isFew = this.#used * 4 < buffer.length;
    const written = buffer.subarray(0, this.#used);
    const bytes = isFew ? Buffer.from(written) : written;
    if (!isFew) this.#buffer = null;
    this.#used = 0;
    this.#chunkBytes += bytes.length;
    this.#chunks.push({ bytes, dayStartMs: this.#dayStartMs });
  }

  /** Puts what is left to write of the first chunk in its place; nothing left removes it. */
  keepOfFirst(rest: Buffer): void {
    const first = this.#chunks[0];
    if (!first) return;
    this.#chunkBytes += rest.length - first.bytes.length;
    if (rest.length > 0) this.#chunks[0] = { bytes: rest, dayStartMs: first.dayStartMs };
    else this.#chunks.shift();
  }

  /** Gives everything up; returns how many lines that were, with the lost ones. */
  abandon(): number {
    this.cut();
    let lines = this.#lostLines;
    for (const { bytes } of this.#chunks) lines += countLines(bytes);
    this.#chunks.length = 0;
    this.#chunkBytes = 0;
    this.#lostLines = 0;
    return lines;
  }

  #append(line: string, atMs: number): void {
    const isOtherDay = atMs - this.#dayStartMs >= dayMs || atMs < this.#dayStartMs;
    if (isOtherDay || this.#used + line.length >= this.#chunkLengthMax) this.cut();
    if (isOtherDay) this.#dayStartMs = startOfDay(atMs);
    const buffer = this.#roomFor(line);
    this.#used += buffer.write(line, this.#used);
    buffer[this.#used] = lineFeed;
    this.#used += 1;
  }

  /** A buffer with room for a line and its end; a character takes three bytes at most (RFC 3629 §3). */
  #roomFor(line: string): Buffer {
    if (this.#buffer !== null && this.#used + 3 * line.length < this.#buffer.length) return this.#buffer;
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#buffer !== null && this.#used + bytes > this.#buffer.length) {
      this.cut();
      this.#buffer = null;
    }
    this.#buffer ??= Buffer.allocUnsafeSlow(Math.max(this.#chunkLengthMax, bytes));
    return this.#buffer;
  }
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let end = bytes.indexOf(lineFeed); end !== -1; end = bytes.indexOf(lineFeed, end + 1)) lines += 1;
  return lines;
}
