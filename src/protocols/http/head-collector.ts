import { Buffer } from 'node:buffer';

/** What the bytes of a head have come to. */
export type CollectedHead =
  | { readonly kind: 'more' }
  | {
      readonly kind: 'whole';
      /** Its lines, each with CRLF, in Latin-1; no byte in it may not stand in a head. */
      readonly text: string;
      /** Where the chunk goes on. */
      readonly end: number;
    }
  /** A byte that may not stand in a head: a control character, a CR or an LF alone. */
  | { readonly kind: 'malformed' }
  | { readonly kind: 'first-line-too-long' }
  | { readonly kind: 'too-large' };

export interface CollectorLimits {
  /** With the empty line. */
  readonly headBytesMax: number;
  /** Without its CRLF. */
  readonly firstLineLengthMax: number;
}

const more: CollectedHead = { kind: 'more' };
const malformed: CollectedHead = { kind: 'malformed' };
const tooLarge: CollectedHead = { kind: 'too-large' };
const firstLineTooLong: CollectedHead = { kind: 'first-line-too-long' };

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const mark = Buffer.from('\r\n\r\n', 'latin1');
const nothing = Buffer.alloc(0);
const firstCapacity = 1024;

// RFC 9112 §2.2: a bare CR or LF ends no line. RFC 9110 §5.5: of the control characters, only HTAB is in a value.
const cleanLines = /^(?:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;
const uncleanPlace = /[^\t\x20-\x7e\x80-\xff\r\n]|\r(?!\n)|(?<!\r)\n/;

/**
 * Finds the empty line that ends a head. What it says does not depend on how the bytes are cut into chunks; it keeps
 * those of an unfinished head only, never more than `headBytesMax`.
 */
export class HeadCollector {
  readonly #limits: CollectorLimits;
  #held: Buffer = nothing;
  #heldBytes = 0;
  #scannedBytes = 0;
  /** Where the first CR is; -1: not yet seen. */
  #firstLineEnd = -1;

  constructor(limits: CollectorLimits) {
    this.#limits = limits;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  collect(chunk: Buffer, from: number): CollectedHead {
    const { headBytesMax } = this.#limits;
    if (this.#heldBytes > 0) return this.#collectMore(chunk, from);
    const place = chunk.indexOf(mark, from);
    if (place === -1 || place + mark.length - from > headBytesMax) {
      this.#hold(chunk, from);
      return this.#checkUnfinished();
    }
    const text = chunk.toString('latin1', from, place + 2);
    return this.#checkWhole(text) ?? { kind: 'whole', text, end: place + mark.length };
  }

  #collectMore(chunk: Buffer, from: number): CollectedHead {
    const heldBefore = this.#heldBytes;
    this.#hold(chunk, from);
    const place = this.#held.subarray(0, this.#heldBytes).indexOf(mark, Math.max(0, heldBefore - mark.length + 1));
    if (place === -1) return this.#checkUnfinished();
    const text = this.#held.toString('latin1', 0, place + 2);
    this.#reset();
    return this.#checkWhole(text) ?? { kind: 'whole', text, end: from + place + mark.length - heldBefore };
  }

  #checkWhole(text: string): CollectedHead | null {
    const { firstLineLengthMax } = this.#limits;
    if (cleanLines.test(text) && text.indexOf('\r') <= firstLineLengthMax) return null;
    return this.#fault(text);
  }

  #checkUnfinished(): CollectedHead {
    const { headBytesMax, firstLineLengthMax } = this.#limits;
    // A CR that comes last may yet be followed by its LF.
    const last = this.#held[this.#heldBytes - 1];
    const end = last === carriageReturn ? this.#heldBytes - 1 : this.#heldBytes;
    const text = this.#held.toString('latin1', this.#scannedBytes, end);
    const isClean = !uncleanPlace.test(text);
    const firstCr = this.#firstLineEnd === -1 ? text.indexOf('\r') : -1;
    if (firstCr !== -1) this.#firstLineEnd = this.#scannedBytes + firstCr;
    const firstLineLength = this.#firstLineEnd === -1 ? end : this.#firstLineEnd;
    this.#scannedBytes = end;
    if (!isClean || firstLineLength > firstLineLengthMax) {
      const fault = this.#fault(this.#held.toString('latin1', 0, end));
      if (fault !== null) return fault;
    }
    if (this.#heldBytes < headBytesMax) return more;
    this.#reset();
    return tooLarge;
  }

  /** What is wrong first. */
  #fault(text: string): CollectedHead | null {
    const { firstLineLengthMax } = this.#limits;
    const uncleanAt = text.search(uncleanPlace);
    const firstEnd = text.indexOf('\r');
    const length = firstEnd === -1 ? text.length : firstEnd;
    if (length > firstLineLengthMax && (uncleanAt === -1 || uncleanAt > firstLineLengthMax)) {
      this.#reset();
      return firstLineTooLong;
    }
    if (uncleanAt === -1) return null;
    this.#reset();
    return malformed;
  }

  #hold(chunk: Buffer, from: number): void {
    const count = Math.min(chunk.length - from, this.#limits.headBytesMax - this.#heldBytes);
    const size = this.#heldBytes + count;
    if (size > this.#held.length) {
      const capacity = Math.min(this.#limits.headBytesMax, Math.max(firstCapacity, size, 2 * this.#held.length));
      const larger = Buffer.allocUnsafe(capacity);
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    chunk.copy(this.#held, this.#heldBytes, from, from + count);
    this.#heldBytes = size;
  }

  #reset(): void {
    this.#held = nothing;
    this.#heldBytes = 0;
    this.#scannedBytes = 0;
    this.#firstLineEnd = -1;
  }
}

/** Whether an empty line begins at this place; undefined when that is not to be seen yet. */
export function startsWithEmptyLine(chunk: Buffer, from: number): boolean | undefined {
  if (from >= chunk.length) return undefined;
  if (chunk[from] !== carriageReturn) return false;
  return from + 1 < chunk.length ? chunk[from + 1] === lineFeed : undefined;
}
