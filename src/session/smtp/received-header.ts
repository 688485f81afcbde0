import { isIP, isIPv6 } from 'node:net';

export interface Reception {
  /** What the client called itself; anything. */
  readonly helo: string;
  readonly clientAddress: string;
  readonly host: string;
  /** How the client began; of what was added later `tls` and the rest tell. */
  readonly protocol: 'SMTP' | 'ESMTP' | 'ESMTPS';
  readonly sessionId: string;
  readonly atMs: number;
  /** The receive connector. */
  readonly connector?: string | undefined;
  /** As Node names them: `TLSv1.3`, `TLS_AES_256_GCM_SHA384`. */
  readonly tls?: { readonly version: string; readonly cipher: string } | null | undefined;
  readonly isAuthenticated?: boolean | undefined;
  /** Whether MAIL said SMTPUTF8. */
  readonly smtputf8?: boolean | undefined;
}

const wordLengthMax = 255;
const commentLengthMax = 100;

// RFC 5321 §4.4: from, by, with, id; then the date.
export function receivedHeader(reception: Reception): string {
  const { helo, clientAddress, host, sessionId, atMs } = reception;
  const date = new Date(atMs).toUTCString().replace('GMT', '+0000');
  const by = isIP(host) === 0 ? safeWord(host) : addressLiteral(host);
  const comment = commentOf(reception);
  return [
    `Received: from ${safeWord(helo)} (${addressLiteral(clientAddress)})`,
    `\tby ${by} (usher) with ${protocolOf(reception)} id ${sessionId}${comment === '' ? ';' : ''}`,
    ...(comment === '' ? [] : [`\t(${comment});`]),
    `\t${date}\r\n`,
  ].join('\r\n');
}

// RFC 3848 and RFC 6531 §4.3; SMTP without EHLO has no other form.
function protocolOf({ protocol, tls, isAuthenticated, smtputf8 }: Reception): string {
  if (protocol === 'SMTP') return protocol;
  const secure = protocol === 'ESMTPS' || (tls ?? null) !== null ? 'S' : '';
  return `${smtputf8 === true ? 'UTF8SMTP' : 'ESMTP'}${secure}${isAuthenticated === true ? 'A' : ''}`;
}

function commentOf({ connector, tls }: Reception): string {
  const parts = [];
  if (connector !== undefined) parts.push(`connector "${safeText(connector)}"`);
  if (tls) parts.push(safeText(`${tls.version} ${tls.cipher}`));
  return parts.join('; ');
}

/** `X-Usher-Filter: sender-blocked, spf-fail`, CRLF included: what filters have to say of a message; '' for nothing. */
export function marksHeader(marks: readonly string[]): string {
  const names = [...new Set(marks)].slice(0, marksMax).map((mark) => safeWord(mark.slice(0, commentLengthMax)));
  return names.length === 0 ? '' : `X-Usher-Filter: ${names.join(',\r\n\t')}\r\n`;
}

const marksMax = 100;

// RFC 5321 §4.1.3
export function addressLiteral(address: string): string {
  return isIPv6(address) ? `[IPv6:${address}]` : `[${address}]`;
}

/** A name without what has a meaning in a header: spaces, comments, separators, anything but printable ASCII. */
function safeWord(text: string): string {
  const safe = text.slice(0, wordLengthMax).replaceAll(/[^A-Za-z0-9.:_[\]-]/g, '?');
  return safe === '' ? 'unknown' : safe;
}

/** Words for a quoted place within a comment. */
function safeText(text: string): string {
  return text.slice(0, commentLengthMax).replaceAll(/[^ -~]|[()"\\]/g, '?');
}
