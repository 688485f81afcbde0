import { Buffer } from 'node:buffer';

export type Token =
  | { readonly kind: 'atom'; readonly bytes: Buffer }
  | { readonly kind: 'string'; readonly bytes: Buffer }
  | { readonly kind: 'open' }
  | { readonly kind: 'close' };

/** The literal that a command line announces at its end; `size` is undefined when the number is absurd. */
export interface LiteralHeader {
  readonly size: number | undefined;
  /** Whether the client waits for our continuation (RFC 7888 §4). */
  readonly synchronizing: boolean;
  /** Where the header begins in the line. */
  readonly start: number;
}

const space = 0x20;
const quote = 0x22;
const backslash = 0x5c;
const openParenthesis = 0x28;
const closeParenthesis = 0x29;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const open: Token = { kind: 'open' };
const close: Token = { kind: 'close' };
// ID has the most: 30 names with values (RFC 2971 §3.3), and the parentheses around them.
const tokenCountMax = 128;

/** Finds `{123}` or `{123+}` at the end of a line, not inside a quoted string (RFC 9051 §4.3). */
export function literalHeader(line: Buffer): LiteralHeader | undefined {
  if (line.at(-1) !== closeBrace || endsInsideQuotes(line)) return undefined;
  const start = line.lastIndexOf(openBrace);
  if (start === -1) return undefined;
  const match = /^\{(\d+)(\+?)\}$/.exec(line.toString('latin1', start));
  const digits = match?.[1];
  if (match === null || digits === undefined) return undefined;
  const size = digits.length > 10 ? undefined : Number(digits);
  return { size, synchronizing: match[2] === '', start };
}

/**
 * The arguments of a command, or undefined when they break the syntax or are more than any command before the login has.
 * @param lines its lines; between two of them stands one literal
 */
export function tokenize(lines: readonly Buffer[], literals: readonly Buffer[]): readonly Token[] | undefined {
  const tokens: Token[] = [];
  for (const [index, line] of lines.entries()) {
    const literal = literals[index];
    const text = literal === undefined ? line : line.subarray(0, literalHeader(line)?.start);
    if (!appendTokens(text, tokens, index > 0)) return undefined;
    if (literal === undefined) continue;
    if (!isSeparator(text.at(-1))) return undefined;
    tokens.push({ kind: 'string', bytes: literal });
  }
  return tokens;
}

/** Whether every byte may stand in a line: neither NUL nor a CR within it. */
export function isCleanLine(line: Buffer): boolean {
  return !line.includes(0) && !line.includes(0x0d);
}

/** A quoted string (RFC 9051 §4.3). @param text without CR, LF and NUL */
export function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Appends the tokens of one piece of text; false when it breaks the syntax. */
function appendTokens(text: Buffer, tokens: Token[], afterString: boolean): boolean {
  let position = 0;
  let needsSeparator = afterString;
  while (position < text.length) {
    if (tokens.length > tokenCountMax) return false;
    const byte = text[position];
    if (byte === space) {
      needsSeparator = false;
      position += 1;
      continue;
    }
    if (byte === closeParenthesis || (byte === openParenthesis && !needsSeparator)) {
      tokens.push(byte === openParenthesis ? open : close);
      needsSeparator = byte === closeParenthesis;
      position += 1;
      continue;
    }
    if (needsSeparator) return false;
    const end = byte === quote ? quotedEnd(text, position) : atomEnd(text, position);
    if (end === undefined) return false;
    const bytes = text.subarray(position, end);
    tokens.push(byte === quote ? { kind: 'string', bytes: unquote(bytes) } : { kind: 'atom', bytes });
    needsSeparator = true;
    position = end;
  }
  return true;
}

/** The index behind the closing quote; undefined when there is none or an escape is wrong. */
function quotedEnd(text: Buffer, start: number): number | undefined {
  for (let position = start + 1; position < text.length; position += 1) {
    if (text[position] === quote) return position + 1;
    if (text[position] !== backslash) continue;
    position += 1;
    if (text[position] !== quote && text[position] !== backslash) return undefined;
  }
  return undefined;
}

/** The index behind an atom; wildcards, `\` and UTF-8 pass, since clients send passwords so. */
function atomEnd(text: Buffer, start: number): number | undefined {
  let position = start;
  while (position < text.length && !endsAtom(text[position])) position += 1;
  return position === start || text[position] === quote || text[position] === openBrace ? undefined : position;
}

function endsAtom(byte: number | undefined): boolean {
  return (
    byte === undefined || byte <= space || byte === 0x7f || byte === quote || byte === openBrace || isParenthesis(byte)
  );
}

function isSeparator(byte: number | undefined): boolean {
  return byte === space || byte === openParenthesis;
}

function isParenthesis(byte: number): boolean {
  return byte === openParenthesis || byte === closeParenthesis;
}

function unquote(bytes: Buffer): Buffer {
  const inner = bytes.subarray(1, -1);
  if (!inner.includes(backslash)) return inner;
  return Buffer.from(inner.toString('latin1').replaceAll(/\\(["\\])/g, '$1'), 'latin1');
}

function endsInsideQuotes(line: Buffer): boolean {
  let inside = false;
  for (let position = line.indexOf(quote); position !== -1 && position < line.length; position += 1) {
    if (line[position] === quote) inside = !inside;
    else if (inside && line[position] === backslash) position += 1;
  }
  return inside;
}
