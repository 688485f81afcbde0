import { tokenKeyOf } from './field-names.js';
import type { FieldLines, Refusal } from './http-message.js';

export interface SectionLimits {
  /** Of one line, without its CRLF. */
  readonly lineLengthMax: number;
  readonly fieldsMax: number;
}

const spaceSensitive: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'connection', 'upgrade']);

const isSpace = (code: number): boolean => code === 0x20 || code === 0x09;

const lineTooLong: Refusal = { status: 431, text: 'a header field is too large' };
const tooMany: Refusal = { status: 431, text: 'too many header fields' };
const malformed: Refusal = { status: 400, text: 'a header field is malformed' };

/**
 * The field lines of clean text (only CRLF ends its lines, no other control characters but HTAB are in it), from a
 * place to its end; or why they are none (RFC 9112 §5). Folded lines and spaces before the colon are refused.
 */
export function readFieldSection(text: string, from: number, limits: SectionLimits): FieldLines | Refusal {
  const { lineLengthMax, fieldsMax } = limits;
  const fields: string[] = [];
  for (let at = from; at < text.length; ) {
    const end = text.indexOf('\r\n', at);
    const colon = text.indexOf(':', at);
    if (end - at > lineLengthMax) return lineTooLong;
    if (fields.length >= 2 * fieldsMax) return tooMany;
    if (colon === -1 || colon > end) return malformed;
    const name = text.slice(at, colon);
    const key = tokenKeyOf(name);
    if (key === undefined) return malformed;
    let first = colon + 1;
    let last = end;
    while (first < last && isSpace(text.charCodeAt(first))) first += 1;
    while (last > first && isSpace(text.charCodeAt(last - 1))) last -= 1;
    if (last < end && endsOtherwise(key, text.slice(last, end))) return malformed;
    fields.push(name, text.slice(first, last));
    at = end + 2;
  }
  return fields;
}

// A tab behind these values is allowed (RFC 9110 §5.5), but there are readers for whom it belongs to the value.
function endsOtherwise(key: string, space: string): boolean {
  return spaceSensitive.has(key) && space.includes('\t');
}

/** Whether a reading came to a refusal. */
export function isRefusal(read: object): read is Refusal {
  return 'text' in read && 'status' in read;
}
