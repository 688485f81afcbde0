import { isIPv4, isIPv6 } from 'node:net';

/** Our name in EHLO: the host, an address as a literal (RFC 5321 §4.1.3). */
export function heloNameOf(host: string): string {
  if (isIPv4(host)) return `[${host}]`;
  return isIPv6(host) ? `[IPv6:${host}]` : host;
}
