import { Buffer } from 'node:buffer';

export type SplitLine =
  | {
      readonly kind: 'line';
      /** The line without its ending. */
      readonly line: Buffer;
      /** Its length with the ending. */
      readonly sizeBytes: number;
    }
  | { readonly kind: 'more' }
  | { readonly kind: 'too-long' };

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const nothing = Buffer.alloc(0);
const more: SplitLine = { kind: 'more' };
const tooLong: SplitLine = { kind: 'too-long' };

/**
 * Cuts chunks into lines and keeps the rest. A line ends with CRLF or with LF alone; a CR elsewhere stays in it.
 * It never copies more than the incomplete line, and asks to be drained after each push.
 */
export class LineSplitter {
  readonly #lineLengthMax: number;
  #held: Buffer = nothing;
  #searchedBytes = 0;

  /** @param lineLengthMax bytes of a line with its ending; longer ones are reported as `too-long` */
  constructor(lineLengthMax: number) {
    this.#lineLengthMax = lineLengthMax;
  }

  get heldBytes(): number {
    return this.#held.length;
  }

  push(chunk: Buffer): void {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
  }

  /** The next line; `too-long` as soon as it is sure, and then again at each call. */
  nextLine(lineLengthMax = this.#lineLengthMax): SplitLine {
    const end = this.#held.indexOf(lineFeed, this.#searchedBytes);
    if (end === -1) {
      this.#searchedBytes = this.#held.length;
      return this.#held.length >= lineLengthMax ? tooLong : more;
    }
    this.#searchedBytes = end;
    const sizeBytes = end + 1;
    if (sizeBytes > lineLengthMax) return tooLong;
    const textEnd = end > 0 && this.#held[end - 1] === carriageReturn ? end - 1 : end;
    const line = this.#held.subarray(0, textEnd);
    this.#drop(sizeBytes);
    return { kind: 'line', line, sizeBytes };
  }

  /** Exactly so many bytes whatever they are, or undefined while there are fewer. */
  nextBytes(count: number): Buffer | undefined {
    if (this.#held.length < count) return undefined;
    const bytes = this.#held.subarray(0, count);
    this.#drop(count);
    return bytes;
  }

  /** Everything that is left; the splitter is empty then. */
  takeRest(): Buffer {
    const rest = this.#held;
    this.#drop(rest.length);
    return rest;
  }

  #drop(count: number): void {
    this.#held = count === this.#held.length ? nothing : this.#held.subarray(count);
    this.#searchedBytes = 0;
  }
}
