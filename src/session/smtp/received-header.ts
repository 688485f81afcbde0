import { isIPv6 } from 'node:net';

export interface Reception {
  /** What the client called itself; anything. */
  readonly helo: string;
  readonly clientAddress: string;
  readonly host: string;
  readonly protocol: 'SMTP' | 'ESMTP' | 'ESMTPS';
  readonly sessionId: string;
  readonly atMs: number;
}

const heloLengthMax = 255;

// RFC 5321 §4.4: from, by, with, id; then the date.
export function receivedHeader({ helo, clientAddress, host, protocol, sessionId, atMs }: Reception): string {
  const date = new Date(atMs).toUTCString().replace('GMT', '+0000');
  return [
    `Received: from ${safeHelo(helo)} (${addressLiteral(clientAddress)})`,
    `\tby ${host} (usher) with ${protocol} id ${sessionId};`,
    `\t${date}\r\n`,
  ].join('\r\n');
}

// RFC 5321 §4.1.3
export function addressLiteral(address: string): string {
  return isIPv6(address) ? `[IPv6:${address}]` : `[${address}]`;
}

/** A name without what has a meaning in a header: spaces, comments, separators, anything but printable ASCII. */
function safeHelo(helo: string): string {
  const safe = helo.slice(0, heloLengthMax).replaceAll(/[^A-Za-z0-9.:_[\]-]/g, '?');
  return safe === '' ? 'unknown' : safe;
}
