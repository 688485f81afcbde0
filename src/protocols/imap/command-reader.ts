import type { Buffer } from 'node:buffer';
import { LineSplitter, type SplitLine } from '../lines/line-splitter.js';
import { isCleanLine, type LiteralHeader, literalHeader, type Token, tokenize } from './syntax.js';

export interface ImapCommand {
  readonly tag: string;
  /** Upper case. */
  readonly name: string;
  /** Undefined when the arguments break the syntax. */
  readonly tokens: readonly Token[] | undefined;
}

export type ReadCommand =
  | { readonly kind: 'more' }
  | { readonly kind: 'command'; readonly command: ImapCommand }
  /** The client waits for our word on a literal: `acceptLiteral` or `refuseLiteral`. */
  | { readonly kind: 'literal-offered'; readonly tag: string; readonly name: string; readonly fits: boolean }
  /** A line that is no command; `tag` is `*` where it has none. */
  | { readonly kind: 'malformed'; readonly tag: string; readonly reason: string }
  /** Longer than a command may be, and its end is unknown. */
  | { readonly kind: 'too-long' };

type ReaderState =
  | { readonly kind: 'line' }
  | { readonly kind: 'literal-offered'; readonly size: number | undefined }
  | { readonly kind: 'literal'; readonly size: number };

interface Heading {
  readonly tag: string;
  readonly name: string;
  readonly argumentsStart: number;
}

const heading = /^([!#$&',\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]{1,100}) ([A-Za-z0-9][A-Za-z0-9.-]*)(?= |$)/;
// RFC 7888 §5: who cannot wait may send no more, under LITERAL- anyway and here under LITERAL+ too.
const unaskedLiteralSizeMax = 4096;
const more: ReadCommand = { kind: 'more' };
const tooLong: ReadCommand = { kind: 'too-long' };

/** Reads IMAP commands with their literals (RFC 9051 §2.2.1, §4.3) from chunks, never keeping more than one. */
export class CommandReader {
  readonly #commandSizeMax: number;
  readonly #splitter: LineSplitter;
  #state: ReaderState = { kind: 'line' };
  #lines: Buffer[] = [];
  #literals: Buffer[] = [];
  #readBytes = 0;

  /** @param commandSizeMax bytes of a command with its line ends and literals */
  constructor(commandSizeMax: number) {
    this.#commandSizeMax = commandSizeMax;
    this.#splitter = new LineSplitter(commandSizeMax);
  }

  get heldBytes(): number {
    return this.#splitter.heldBytes + this.#readBytes;
  }

  push(chunk: Buffer): void {
    this.#splitter.push(chunk);
  }

  next(): ReadCommand {
    for (;;) {
      switch (this.#state.kind) {
        case 'literal-offered':
          return more;
        case 'literal': {
          const literal = this.#splitter.nextBytes(this.#state.size);
          if (literal === undefined) return more;
          this.#literals.push(literal);
          this.#readBytes += literal.length;
          this.#state = { kind: 'line' };
          break;
        }
        case 'line': {
          const split = this.#splitter.nextLine(this.#freeBytes);
          if (split.kind !== 'line') return split;
          this.#lines.push(split.line);
          this.#readBytes += split.sizeBytes;
          const event = this.#afterLine(split.line);
          if (event !== undefined) return event;
        }
      }
    }
  }

  /** One line that is no command, the answer to a SASL challenge. */
  nextLine(): SplitLine {
    return this.#splitter.nextLine();
  }

  acceptLiteral(): void {
    if (this.#state.kind !== 'literal-offered' || this.#state.size === undefined)
      throw new Error('no literal to accept');
    this.#state = { kind: 'literal', size: this.#state.size };
  }

  /** Forgets the command; the client will not send the literal. */
  refuseLiteral(): void {
    this.#forget();
  }

  /** Everything read and not consumed; the reader is empty then. */
  takeRest(): Buffer {
    this.#forget();
    return this.#splitter.takeRest();
  }

  get #freeBytes(): number {
    return this.#commandSizeMax - this.#readBytes;
  }

  /** What a finished line means; undefined when a literal follows of which the client does not ask. */
  #afterLine(line: Buffer): ReadCommand | undefined {
    const literal = literalHeader(line);
    if (literal === undefined) return this.#complete();
    const fits = literal.size !== undefined && literal.size + 2 <= this.#freeBytes;
    if (literal.synchronizing) return this.#offerLiteral(literal, fits);
    if (!fits || literal.size === undefined || literal.size > unaskedLiteralSizeMax) return tooLong;
    this.#state = { kind: 'literal', size: literal.size };
    return undefined;
  }

  #offerLiteral(literal: LiteralHeader, fits: boolean): ReadCommand {
    const head = headingOf(this.#lines[0]);
    if (head === undefined) return this.#complete();
    this.#state = { kind: 'literal-offered', size: literal.size };
    return { kind: 'literal-offered', tag: head.tag, name: head.name, fits };
  }

  #complete(): ReadCommand {
    const [first, ...others] = this.#lines;
    const lines = this.#lines;
    const literals = this.#literals;
    this.#forget();
    const head = headingOf(first);
    if (first === undefined || head === undefined) {
      return { kind: 'malformed', tag: '*', reason: 'This line has no tag and command.' };
    }
    if (!lines.every(isCleanLine)) {
      return { kind: 'malformed', tag: head.tag, reason: 'A line has NUL or a CR without LF.' };
    }
    const tokens = tokenize([first.subarray(head.argumentsStart), ...others], literals);
    return { kind: 'command', command: { tag: head.tag, name: head.name, tokens } };
  }

  #forget(): void {
    this.#state = { kind: 'line' };
    this.#lines = [];
    this.#literals = [];
    this.#readBytes = 0;
  }
}

function headingOf(line: Buffer | undefined): Heading | undefined {
  const match = line === undefined ? null : heading.exec(line.toString('latin1'));
  const [whole, tag, name] = match ?? [];
  if (whole === undefined || tag === undefined || name === undefined) return undefined;
  return { tag, name: name.toUpperCase(), argumentsStart: whole.length };
}
