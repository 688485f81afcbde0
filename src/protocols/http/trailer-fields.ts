import { Buffer } from 'node:buffer';
import { keyOf } from './field-names.js';
import { isRefusal, readFieldSection } from './field-section.js';
import { isOfFrontEnd } from './forwarded-fields.js';
import type { FieldLines } from './http-message.js';

/** What stands before the first trailer: the end of the last chunk's line, so that an empty section ends like others. */
export const trailerStart = Buffer.from('\r\n', 'latin1');

// RFC 9110 §6.5.1: a trailer comes when routing, framing and authentication are over.
const headOnly: ReadonlySet<string> = new Set(
  (
    'transfer-encoding content-length content-encoding content-type content-range host authorization cookie set-cookie ' +
    'connection keep-alive upgrade te trailer expect max-forwards cache-control range if-match if-none-match ' +
    'if-modified-since if-unmodified-since if-range www-authenticate authentication-info location retry-after vary ' +
    'age date expires warning pragma x-anchormailbox x-publicfoldermailbox x-preferserveraffinity http2-settings'
  ).split(' '),
);

/** The trailers of a section that was collected behind `trailerStart`; null when they are malformed or too many. */
export function readTrailers(text: string, fieldsMax: number): FieldLines | null {
  const fields = readFieldSection(text, trailerStart.length, { lineLengthMax: text.length, fieldsMax });
  if (isRefusal(fields)) return null;
  const kept: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? '';
    if (isTrailer(name)) kept.push(name, fields[index + 1] ?? '');
  }
  return kept;
}

function isTrailer(name: string): boolean {
  const key = keyOf(name).replaceAll('_', '-');
  return !headOnly.has(key) && !isOfFrontEnd(key);
}
