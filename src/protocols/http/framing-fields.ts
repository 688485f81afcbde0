import { isNamed } from './field-names.js';
import type { BodyFraming, FieldLines } from './http-message.js';

/** What is wrong with the fields that tell a body's end. */
export type FramingFault = 'two-framings' | 'coding-in-old-version' | 'other-coding' | 'malformed-length';

const chunked: BodyFraming = { kind: 'chunked' };
const digits = /^[0-9]{1,16}$/;

/** The framing that a head's fields tell, null when they tell none; or what is wrong with them (RFC 9112 §6). */
export function toldFraming(fields: FieldLines, version: '1.0' | '1.1'): BodyFraming | FramingFault | null {
  let coding: string | null = null;
  let length: string | null = null;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? '';
    const value = fields[index + 1] ?? '';
    // A second field makes a list of the value, which is neither a length nor one coding.
    if (isNamed(name, 'content-length')) length = length === null ? value : `${length},${value}`;
    else if (isNamed(name, 'transfer-encoding')) coding = coding === null ? value : `${coding},${value}`;
  }
  if (coding !== null) {
    // RFC 9112 §6.1: what has two lengths has two ends, and HTTP/1.0 knows no codings.
    if (length !== null) return 'two-framings';
    if (version === '1.0') return 'coding-in-old-version';
    return coding.toLowerCase() === 'chunked' ? chunked : 'other-coding';
  }
  return length === null ? null : lengthFraming(length);
}

function lengthFraming(value: string): BodyFraming | FramingFault {
  const length = digits.test(value) ? Number(value) : Number.NaN;
  return Number.isSafeInteger(length) ? { kind: 'length', length } : 'malformed-length';
}
