import { scanParameter } from './scan-parameter.js';
import type { SipAddress } from './sip-message.js';

/** An address that begins at a place in a value. */
export interface ScannedAddress {
  readonly address: SipAddress;
  /** Behind it and the spaces that follow: at a comma or the end. */
  readonly end: number;
}

// RFC 3261 §25.1 name-addr. The display name is a quoted string or tokens; no space need stand before the <
// (RFC 4475 §3.1.1.6), and none may stand within it (§3.1.2.14). UTF-8 without quotes is borne with.
const nameAndUri =
  /(?:"(?:[^"\\]|\\[^])*"[ \t]*|[A-Za-z0-9.!%*_+`'~ \t\x80-\xff-]*)<([A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20"<>\x7f]+)>[ \t]*/y;
// RFC 3261 §20.10: a URI with a comma, a question mark or a semicolon stands in <>; so here they end it.
const bareUri = /([A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20,;?"<>\x7f]+)[ \t]*/y;

const noParameters: ReadonlyMap<string, string> = new Map();

/** The address at this place; null when what stands there is none. */
export function scanAddress(text: string, at: number): ScannedAddress | null {
  let start = at;
  while (isBlank(text.charCodeAt(start))) start += 1;
  nameAndUri.lastIndex = start;
  let found = nameAndUri.exec(text);
  let end = nameAndUri.lastIndex;
  if (found === null) {
    bareUri.lastIndex = start;
    found = bareUri.exec(text);
    end = bareUri.lastIndex;
  }
  if (found === null) return null;
  const uri = found[1] ?? '';
  let parameters = noParameters;
  if (text[end] === ';') {
    const given = new Map<string, string>();
    end = scanParameters(text, end, given);
    if (end === -1) return null;
    parameters = given;
  }
  if (end < text.length && text[end] !== ',') return null;
  return { address: { uri, parameters, text: trimmed(text, start, end) }, end };
}

// RFC 3261 §7.3.1: no parameter is given twice. Returns where they end, -1 for malformed ones.
function scanParameters(text: string, at: number, given: Map<string, string>): number {
  let end = at;
  while (text[end] === ';') {
    const parameter = scanParameter(text, end);
    if (parameter === null || given.has(parameter.name)) return -1;
    given.set(parameter.name, unquoted(parameter.value));
    end = parameter.end;
  }
  return end;
}

function unquoted(value: string | null): string {
  if (value === null) return '';
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\([^])/g, '$1') : value;
}

/** A part of a text without the spaces and tabs around it; other white space is kept. */
export function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
