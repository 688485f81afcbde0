import type { ClientOrigin } from '../sasl/login-protocol.js';
import { quoted, type Token } from './syntax.js';

/** What ID tells us; all but this is dropped. */
export interface IdArgument {
  /** How many proxies a login may still pass, where the client is one; null when it does not say. */
  readonly proxyTtl: number | null;
}

/** What may be told on: an address in digits, without a zone. */
const plainAddress = /^[0-9A-Fa-f:.]+$/;
const plainId = /^[\u0021-\u007e]{1,128}$/;
// More is never needed, and a stranger must not let a loop run for long.
const proxyTtlMax = 10;

/** RFC 2971 §3.1: NIL or a list of names and values; undefined when it is neither. */
export function readIdArgument(tokens: readonly Token[]): IdArgument | undefined {
  if (tokens.length === 1) return isNil(tokens[0]) ? { proxyTtl: null } : undefined;
  if (tokens[0]?.kind !== 'open' || tokens.at(-1)?.kind !== 'close' || tokens.length % 2 !== 0) return undefined;
  const fields = tokens.slice(1, -1);
  if (!fields.every((token) => token.kind === 'string' || isNil(token))) return undefined;
  const ttlAt = fields.findIndex((token, index) => index % 2 === 0 && textOf(token) === 'X-PROXY-TTL');
  const ttl = ttlAt === -1 ? '' : textOf(fields[ttlAt + 1]);
  return { proxyTtl: /^\d{1,9}$/.test(ttl) ? Math.min(Math.max(Number(ttl), 1), proxyTtlMax) : null };
}

/** Tells a server that trusts us who the client is (RFC 2971; the field names Dovecot and Zimbra know). */
export function idCommand(tag: string, client: ClientOrigin): string {
  const fields = [
    ...endFields('originating', client.address, client.port),
    ...endFields('connected', client.localAddress, client.localPort),
    ...(plainId.test(client.sessionId) ? ['x-session-id', client.sessionId] : []),
    ...['x-proxy-ttl', String(client.proxyTtl)],
  ];
  return `${tag} ID (${fields.map(quoted).join(' ')})\r\n`;
}

function endFields(end: 'originating' | 'connected', address: string, port: number): readonly string[] {
  return plainAddress.test(address) ? [`x-${end}-ip`, address, `x-${end}-port`, String(port)] : [];
}

function isNil(token: Token | undefined): boolean {
  return token?.kind === 'atom' && textOf(token) === 'NIL';
}

function textOf(token: Token | undefined): string {
  return token?.kind === 'atom' || token?.kind === 'string' ? token.bytes.toString('latin1').toUpperCase() : '';
}
