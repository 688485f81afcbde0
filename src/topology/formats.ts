import { domainKey, parseMailAddress } from './mail-address.js';
import { isAddress, parseRange } from './ranges.js';

/** `0.0.0.0:25`, `[::]:25` taken apart; undefined when it is none. */
export function parseBinding(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && isAddress(host) && port > 0 && port < 65_536 ? { host, port } : undefined;
}

/** `pattern;cost` (`SMTP:pattern;cost` too) taken apart, the cost being 1 where none is given. */
export function parseAddressSpace(text: string): { pattern: string; cost: number } | undefined {
  const match = /^(?:smtp:)?([^;\s]+)(?:;(\d{1,3}))?$/i.exec(text.trim());
  if (!match?.[1]) return undefined;
  const cost = match[2] === undefined ? 1 : Number(match[2]);
  if (cost < 1 || cost > 100) return undefined;
  if (match[1] === '*') return { pattern: '*', cost };
  const isSuffix = match[1].startsWith('*.');
  const domain = domainKey(isSuffix ? match[1].slice(2) : match[1]);
  return domain === undefined ? undefined : { pattern: isSuffix ? `*.${domain}` : domain, cost };
}

/** `host[:port]`, `[ip][:port]` taken apart. */
export function parseSmartHost(text: string): { host: string; port: number | undefined } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) return undefined;
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  const fits = match?.[1] === undefined ? isHost(host) : isAddress(host);
  return fits ? { host, port } : undefined;
}

function isHost(text: string): boolean {
  return isAddress(text) || domainKey(text) !== undefined;
}

// What needs no second reading in a URL: no query, no escapes, no parameters, and no empty or dot segments.
const plainPath = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~!$&'()*+,=:@-]+)+$/;

function isUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

// Control characters and half surrogate pairs: neither can be shown, and the latter cannot be stored.
const printable = /^[^\p{Cc}\p{Cs}]+$/u;

/** The formats of text fields: whether a text fits, and what is expected instead. */
export const formats = {
  name: {
    fits: (text: string) => printable.test(text) && text.trim() === text && text.length <= 64,
    expected: 'a name of 1 to 64 characters without control characters or outer spaces',
  },
  address: {
    fits: (text: string) => parseMailAddress(text) !== undefined,
    expected: 'a mail address (ann@contoso.com)',
  },
  domain: { fits: (text: string) => domainKey(text) !== undefined, expected: 'a domain (contoso.com)' },
  host: { fits: isHost, expected: 'a host name or an IP address' },
  ip: { fits: isAddress, expected: 'an IP address' },
  hostOrRange: {
    fits: (text: string) => isHost(text) || parseRange(text) !== undefined,
    expected: 'a host or an address range',
  },
  range: {
    fits: (text: string) => parseRange(text) !== undefined,
    expected: 'an address, a range (10.0.0.1-10.0.0.9) or a network (10.0.0.0/8)',
  },
  resolver: {
    fits: (text: string) => isAddress(text) || parseBinding(text) !== undefined,
    expected: 'the address of a DNS server (10.0.0.53 or 10.0.0.53:5353)',
  },
  binding: { fits: (text: string) => parseBinding(text) !== undefined, expected: 'address:port (0.0.0.0:25, [::]:25)' },
  url: { fits: isUrl, expected: 'an http or https URL' },
  urlPath: {
    fits: (text: string) => plainPath.test(text),
    expected: 'a path that begins with / and a name, without query, escapes, dot segments or a slash at its end (/dav)',
  },
  component: {
    fits: (text: string) => printable.test(text) && text.trim() === text && text.length <= 70,
    expected: 'the name of a component (imap, owa-proxy)',
  },
  addressSpace: {
    fits: (text: string) => parseAddressSpace(text) !== undefined,
    expected: '*, *.domain or domain for SMTP, and ;cost from 1 to 100 (*;1, *.contoso.com;10, contoso.com)',
  },
  smartHost: { fits: (text: string) => parseSmartHost(text) !== undefined, expected: 'host[:port] or [ip][:port]' },
  connectorTls: {
    fits: (text: string) =>
      /^(none|opportunistic|encrypt|verify)$/.test(text) || (text.startsWith('domain:') && isHost(text.slice(7))),
    expected: 'none, opportunistic, encrypt, verify or domain:NAME',
  },
  guid: {
    fits: (text: string) => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text),
    expected: 'a GUID (5b1c9e70-1f6e-4f0e-9a53-0c8d4f7a2b11)',
  },
  digits: { fits: (text: string) => /^\+?[0-9]{1,32}$/.test(text), expected: 'digits' },
  timestamp: {
    fits: (text: string) => /^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(Date.parse(text)),
    expected: 'a time (2026-12-31T00:00:00Z)',
  },
  line: { fits: (text: string) => printable.test(text), expected: 'one line of text without control characters' },
  comment: {
    fits: (text: string) => text === '' || printable.test(text),
    expected: 'one line of text without control characters, or nothing',
  },
  banner: { fits: (text: string) => /^220 [ -~]+$/.test(text), expected: 'a line that begins with "220 "' },
  variable: {
    fits: (text: string) => /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(text),
    expected: 'the name of an environment variable (RELAY_PASSWORD)',
  },
  path: { fits: (text: string) => printable.test(text), expected: 'a file path' },
} as const;

export type FormatName = keyof typeof formats;
