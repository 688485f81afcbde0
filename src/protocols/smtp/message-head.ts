import { Buffer } from 'node:buffer';

/** One field of a header, as it came. */
export interface RawField {
  /** As written, in latin1, up to the colon or the blanks before it; any bytes but blanks, CR and LF. Never empty. */
  readonly name: string;
  /** Unfolded, without blanks around it, from UTF-8; at most 2048 characters, of the first 4096 bytes. */
  readonly value: string;
  /** The exact bytes with their CRLFs; only the last line of a message may lack its own. */
  readonly raw: Buffer;
  readonly sizeBytes: number;
  /** Names of the fields that a reader finds in it who takes a bare CR or LF for the end of a line. */
  readonly hiddenNames: readonly string[];
}

/** A whole header: the bytes of its fields together, then the rest, are what came. */
export interface Head {
  readonly kind: 'head';
  readonly fields: readonly RawField[];
  /** All fields together. */
  readonly bytes: Buffer;
  /** What came after the fields: the empty line, if there is one, and the beginning of the body. */
  readonly rest: Buffer;
  /**
   * What ended it. After `other-line` the rest begins with a line that is no field: an empty line must be written
   * before it, or a server that reads more generously than we do finds more fields there.
   */
  readonly ending: HeadEnding;
}

export type HeadEnding = 'empty-line' | 'other-line' | 'message';

export type HeadStep = Head | { readonly kind: 'more' } | { readonly kind: 'too-large' };

interface FieldPlace {
  readonly start: number;
  readonly colon: number;
  hasBareEnding: boolean;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const tab = 0x09;
const colonSign = 0x3a;
const nothing = Buffer.alloc(0);
const more: HeadStep = { kind: 'more' };
const tooLarge: HeadStep = { kind: 'too-large' };
const growthMin = 1024;
/** Fields of a few bytes each take many times their own room, and time to be judged. */
const fieldsMax = 2000;

/**
 * Takes the header off a message that comes in pieces. It ends before the first empty line or the first line that is
 * neither a field nor a continuation; only CRLF ends a line. What is found depends on the bytes alone, not on how they
 * are cut.
 */
export class MessageHead {
  readonly #sizeMax: number;
  #isOver = false;
  /** The first piece itself, then a buffer of our own with room for more. */
  #held: Buffer = nothing;
  #heldBytes = 0;
  #searchedBytes = 0;
  #lineStart = 0;
  #lineHasBareEnding = false;
  #places: FieldPlace[] = [];

  /** @param sizeMax bytes of the header with the line that ends it */
  constructor({ sizeMax }: { readonly sizeMax: number }) {
    this.#sizeMax = sizeMax;
  }

  /** The next bytes, which are kept for a while and must not change; no more of them after `head` or `too-large`. */
  push(bytes: Buffer): HeadStep {
    this.#expectReading();
    const before = this.#heldBytes;
    const view = this.#hold(bytes);
    const ending = this.#scan(view);
    if (this.#places.length > fieldsMax) return this.#refuse();
    if (ending !== null) {
      const end = this.#lineStart;
      const isCut = end < before;
      const rest = isCut ? Buffer.concat([view.subarray(end, before), bytes]) : bytes.subarray(end - before);
      return this.#finish(view, end, rest, ending);
    }
    return before + bytes.length <= this.#sizeMax ? more : this.#refuse();
  }

  /** The message is over before its header was. */
  end(): Head {
    this.#expectReading();
    const view = this.#held.subarray(0, this.#heldBytes);
    const isLine = this.#lineStart === view.length || this.#takeLine(view, view.length);
    const end = isLine ? view.length : this.#lineStart;
    return this.#finish(view, end, view.subarray(end), isLine ? 'message' : 'other-line');
  }

  #expectReading(): void {
    if (this.#isOver) throw new Error('the header was read to its end already');
  }

  #hold(bytes: Buffer): Buffer {
    const before = this.#heldBytes;
    const taken = Math.min(bytes.length, this.#sizeMax - before);
    const total = before + taken;
    this.#heldBytes = total;
    if (before === 0) {
      this.#held = bytes;
    } else {
      if (total > this.#held.length) {
        const grown = Buffer.allocUnsafe(Math.min(this.#sizeMax, Math.max(total, 2 * before, growthMin)));
        this.#held.copy(grown, 0, 0, before);
        this.#held = grown;
      }
      bytes.copy(this.#held, before, 0, taken);
    }
    return total === this.#held.length ? this.#held : this.#held.subarray(0, total);
  }

  /** Goes through the lines that are whole. The header ends at the start of the present line, or null: not yet. */
  #scan(view: Buffer): HeadEnding | null {
    for (;;) {
      const end = view.indexOf(lineFeed, this.#searchedBytes);
      if (end === -1) {
        this.#searchedBytes = view.length;
        return null;
      }
      this.#searchedBytes = end + 1;
      if (view[end - 1] !== carriageReturn) {
        this.#lineHasBareEnding = true;
        continue;
      }
      const textEnd = end - 1;
      if (textEnd === this.#lineStart) return 'empty-line';
      if (!this.#takeLine(view, textEnd)) return 'other-line';
      this.#lineStart = end + 1;
      this.#lineHasBareEnding = false;
    }
  }

  /** Whether the present line, which ends there, belongs to the header. */
  #takeLine(view: Buffer, textEnd: number): boolean {
    const start = this.#lineStart;
    // Where the line ends with CRLF that CR is found at the latest.
    const cr = view.indexOf(carriageReturn, start);
    const hasBareEnding = this.#lineHasBareEnding || (cr !== -1 && cr < textEnd);
    if (isBlank(view[start])) {
      const last = this.#places.at(-1);
      if (last === undefined) return false;
      last.hasBareEnding ||= hasBareEnding;
      return true;
    }
    const colon = colonOf(view, start, textEnd);
    if (colon === -1) return false;
    this.#places.push({ start, colon, hasBareEnding });
    return true;
  }

  #finish(view: Buffer, end: number, rest: Buffer, ending: HeadEnding): Head {
    const places = this.#places;
    const fields = places.map((place, index) => new HeadField(view, place, places[index + 1]?.start ?? end));
    this.#forget();
    return { kind: 'head', fields, bytes: view.subarray(0, end), rest, ending };
  }

  #refuse(): HeadStep {
    this.#forget();
    return tooLarge;
  }

  #forget(): void {
    this.#isOver = true;
    this.#held = nothing;
    this.#places = [];
  }
}

/** A place in the header; its parts are read when somebody asks, which nobody does for most fields. */
class HeadField implements RawField {
  readonly name: string;
  readonly #head: Buffer;
  readonly #place: FieldPlace;
  readonly #end: number;
  #value: string | null = null;

  constructor(head: Buffer, place: FieldPlace, end: number) {
    this.#head = head;
    this.#place = place;
    this.#end = end;
    let nameEnd = place.colon;
    while (isBlank(head[nameEnd - 1])) nameEnd -= 1;
    this.name = head.toString('latin1', place.start, nameEnd);
  }

  get value(): string {
    const start = this.#place.colon + 1;
    this.#value ??= unfold(this.#head.toString('utf8', start, Math.min(this.#end, start + valueBytesMax)));
    return this.#value;
  }

  get raw(): Buffer {
    return this.#head.subarray(this.#place.start, this.#end);
  }

  get sizeBytes(): number {
    return this.#end - this.#place.start;
  }

  get hiddenNames(): readonly string[] {
    if (!this.#place.hasBareEnding) return noNames;
    const lines = this.#head.toString('latin1', this.#place.start, this.#end).split(/[\r\n]+/);
    return lines.slice(1).flatMap((line) => /^[^ \t:]+(?=[ \t]*:)/.exec(line)?.[0] ?? []);
  }
}

const valueBytesMax = 4096;
const valueLengthMax = 2048;
const noNames: readonly string[] = [];

const isBlank = (byte: number | undefined): boolean => byte === space || byte === tab;

/**
 * The colon of a line that is a field, else -1. RFC 5322 §3.6.8, §4.5: a name of printable ASCII, maybe blanks before
 * the colon; here of anything but blanks, since some server may read it as a field.
 */
function colonOf(bytes: Buffer, start: number, end: number): number {
  let hasBlank = false;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at];
    if (byte === colonSign) return at === start ? -1 : at;
    if (isBlank(byte)) hasBlank = true;
    else if (hasBlank || byte === lineFeed || byte === carriageReturn) return -1;
  }
  return -1;
}

// RFC 5322 §2.2.3
function unfold(text: string): string {
  const line = text.includes('\n') ? text.replaceAll(/\r\n(?=[ \t])/g, '') : text;
  let start = 0;
  let end = line.length;
  while (start < end && blanks.includes(line.charAt(start))) start += 1;
  while (end > start && blanks.includes(line.charAt(end - 1))) end -= 1;
  return line.slice(start, Math.min(end, start + valueLengthMax));
}

const blanks = ' \t\r\n';
