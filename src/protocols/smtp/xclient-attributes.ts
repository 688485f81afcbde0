import { decodeXtext } from './xtext.js';

/**
 * The attributes of an XCLIENT command (Postfix XCLIENT_README) by upper-case name, decoded; those said to be unknown
 * are left out. Undefined when the text is malformed or names an attribute that was not offered, or one twice.
 */
export function readXclientAttributes(
  text: string,
  offered: readonly string[],
): Readonly<Record<string, string>> | undefined {
  const attributes = new Map<string, string | null>();
  for (const part of text.trim().split(/ +/)) {
    const equals = part.indexOf('=');
    const name = part.slice(0, Math.max(equals, 0)).toUpperCase();
    const encoded = part.slice(equals + 1);
    const value = /^\[(?:UNAVAILABLE|TEMPUNAVAIL)\]$/i.test(encoded) ? null : decodeXtext(encoded);
    if (value === undefined || value === '' || !offered.includes(name) || attributes.has(name)) return undefined;
    attributes.set(name, value);
  }
  const known = [...attributes].filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(known);
}
