import { Buffer } from 'node:buffer';

/** Whole lines of one UTC day, ready to be written. */
export interface LineChunk {
  readonly bytes: Buffer;
  readonly dayStartMs: number;
}

const dayMs = 86_400_000;

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
  #text = '';
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
    return this.#text !== '';
  }

  get firstChunk(): LineChunk | undefined {
    return this.#chunks[0];
  }

  /** Takes a line in, or counts it as lost. */
  add(line: string, atMs: number): void {
    const heldBytes = this.#chunkBytes + this.#text.length;
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
    if (lost === 0 || this.#chunkBytes + this.#text.length > this.#heldBytesMax / 2) return 0;
    this.#lostLines = 0;
    if (noticeOf) this.#append(noticeOf(lost), atMs);
    return lost;
  }

  /** Makes a chunk of the lines that are not in one yet. */
  cut(): void {
    if (this.#text === '') return;
    const bytes = Buffer.from(this.#text);
    this.#text = '';
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
    if (isOtherDay || this.#text.length + line.length >= this.#chunkLengthMax) this.cut();
    if (isOtherDay) this.#dayStartMs = startOfDay(atMs);
    this.#text += `${line}\n`;
  }
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, end + 1)) lines += 1;
  return lines;
}
