import { domainToASCII } from 'node:url';

/** A mail address cut at its last `@`. `key` is how addresses compare: lower case, the domain in A-labels. */
export interface MailAddress {
  readonly local: string;
  readonly domain: string;
  readonly key: string;
}

/** Longest address: 315 of local part, `@`, 255 of domain. */
export const addressLengthMax = 571;

// Control characters, and half surrogate pairs, which UTF-8 cannot hold.
const controls = /[\p{Cc}\p{Cs}]/u;
// domainToASCII reads a host as a URL does: it would stop at a slash and decode %41.
const foreign = /[^a-z0-9_.\-\u0080-\u{10ffff}]/iu;
const atom = /^[^\s"(),:;<>@[\\\]\u0000-\u001f\u007f]+$/u;
const quoted = /^"(?:[^"\\\u0000-\u001f\u007f]|\\[^\u0000-\u001f\u007f])*"$/u;

/** A domain in lower-case A-label form, without a final dot; undefined when it cannot be a domain. */
export function domainKey(domain: string): string | undefined {
  const bare = domain.replace(/\.$/, '');
  if (bare === '' || bare.length > 255 || controls.test(bare) || foreign.test(bare)) return undefined;
  const ascii = /^[\u0021-\u007e]+$/.test(bare) ? bare.toLowerCase() : domainToASCII(bare);
  if (
    ascii.length > 255 ||
    !/^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/.test(ascii)
  ) {
    return undefined;
  }
  return ascii;
}

/**
 * RFC 5321 §4.1.2: `local@domain`, with quoted local parts; `"ann"@x` is the same as `ann@x`.
 * Undefined when it is no address. An address literal (`ann@[10.0.0.1]`) keeps its brackets in `domain`.
 */
export function parseMailAddress(text: string): MailAddress | undefined {
  if (text.length > addressLengthMax || controls.test(text)) return undefined;
  const at = text.lastIndexOf('@');
  if (at < 1) return undefined;
  // Composed first: some characters, such as U+037E, become one that stands for itself only in quotes.
  const local = localPart(text.slice(0, at).normalize('NFC'));
  const domainText = text.slice(at + 1);
  const domain = /^\[[0-9a-zA-Z:.]{3,60}\]$/.test(domainText) ? domainText.toLowerCase() : domainKey(domainText);
  if (local === undefined || domain === undefined) return undefined;
  return { local, domain, key: `${local.toLowerCase().normalize('NFC')}@${domain}` };
}

function localPart(text: string): string | undefined {
  if (quoted.test(text)) {
    const inner = text.slice(1, -1).replace(/\\(.)/gu, '$1');
    return isDotString(inner) ? inner : `"${inner.replace(/["\\]/g, '\\$&')}"`;
  }
  return isDotString(text) && text.length <= 315 ? text : undefined;
}

function isDotString(text: string): boolean {
  return atom.test(text) && !text.startsWith('.') && !text.endsWith('.') && !text.includes('..');
}

/** The form in which addresses are stored and looked up, or undefined when it is no address. */
export function addressKey(text: string): string | undefined {
  return parseMailAddress(text)?.key;
}
