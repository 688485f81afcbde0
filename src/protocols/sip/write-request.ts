import { Buffer } from 'node:buffer';

/** An OPTIONS that asks whether somebody is there (RFC 3261 §11). Hosts are ASCII names, or addresses without brackets. */
export interface OptionsRequest {
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly host: string;
  readonly port: number;
  /** Who asks, and the port that an answer reaches. */
  readonly ownHost: string;
  readonly ownPort: number;
  /** Tokens that nobody can guess, new for each question; the branch without its cookie. */
  readonly branch: string;
  readonly fromTag: string;
  readonly callId: string;
}

/** Of the requests that are written here: each begins anew. */
export const firstCseq = 1;

const token = /^[A-Za-z0-9.!%*_+`'~-]+$/;
const hostName = /^[A-Za-z0-9._-]+$/;
const ipv6 = /^[0-9A-Fa-f:.]+$/;

/**
 * The bytes of an OPTIONS; a copy of it is sent as it is.
 * @throws {Error} when a host, the branch, the tag or the Call-ID cannot stand in it
 */
export function writeOptions(request: OptionsRequest): Buffer {
  const { transport, port, ownPort, branch, fromTag, callId } = request;
  if (![branch, fromTag, callId].every((text) => token.test(text))) throw new Error('an identifier is no token');
  const host = inUri(request.host);
  const own = inUri(request.ownHost);
  const way = transport === 'udp' ? '' : `;transport=${transport}`;
  // RFC 3261 §19.1.1, table 1: no port and no transport in From and To. RFC 3581: rport, whatever the own port is worth.
  const text =
    `OPTIONS sip:${host}:${port}${way} SIP/2.0\r\n` +
    `Via: SIP/2.0/${transport.toUpperCase()} ${own}:${ownPort};branch=z9hG4bK${branch};rport\r\n` +
    'Max-Forwards: 70\r\n' +
    `From: <sip:${own}>;tag=${fromTag}\r\n` +
    `To: <sip:${host}>\r\n` +
    `Call-ID: ${callId}\r\n` +
    `CSeq: ${firstCseq} OPTIONS\r\n` +
    `Contact: <sip:${own}:${ownPort}${way}>\r\n` +
    'Accept: application/sdp\r\n' +
    'Content-Length: 0\r\n\r\n';
  return Buffer.from(text, 'latin1');
}

function inUri(host: string): string {
  if (hostName.test(host)) return host;
  if (host.includes(':') && ipv6.test(host)) return `[${host}]`;
  throw new Error('a host is neither a name nor an address');
}
