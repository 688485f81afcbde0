import type { IncomingHttpHeaders } from 'node:http';

/** What the server is told of the client besides its own words. */
export interface Forwarding {
  readonly requestId: string;
  readonly host: string;
  /** Null where the server is not to be told of the client's address. */
  readonly client: { readonly address: string; readonly proto: 'http' | 'https' } | null;
  readonly isUpgrade: boolean;
}

// RFC 9110 §7.6.1: what concerns one connection. Expect is answered by the front end, Host is written anew.
const ofOneConnection = new Set([
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
]);

const replaced = new Set([
  'forwarded',
  'x-request-id',
  'x-real-ip',
  'x-commonaccesstoken',
  'x-sourcecafeserver',
  'x-isfromcafe',
]);

// Fields by which servers behind a front end are told who asks and where to go; only we may set them.
const trusted = /^x-(?:be|backend|forwarded-|original-|rewrite-|.*beresource)/;

// Servers that make variables of fields cannot tell the two apart.
const sameField = (key: string): string => (key.includes('_') ? key.replaceAll('_', '-') : key);

/** Whether a field of the client's, its name in lower case, may reach a server. */
function isForwarded(name: string, named: ReadonlySet<string>): boolean {
  const key = sameField(name);
  if (key === '--proto--' || ofOneConnection.has(key) || key.startsWith('proxy-') || replaced.has(key)) return false;
  if (key.startsWith('x-') && trusted.test(key)) return false;
  return !named.has(key) || key === 'content-length' || key === 'authorization';
}

/**
 * The fields to send to a server, names in lower case: the client's (as they came, name after value) but for those of
 * its connection and those that only a front end may set, and ours.
 */
export function requestHeaders(raw: readonly string[], forwarding: Forwarding): IncomingHttpHeaders {
  const { requestId, host, client, isUpgrade } = forwarding;
  const named = connectionTokens(raw);
  const headers = new Map<string, string | string[]>([['host', host]]);
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const key = (raw[index] ?? '').toLowerCase();
    if (!isForwarded(key, named)) continue;
    const value = raw[index + 1] ?? '';
    const before = headers.get(key);
    headers.set(key, before === undefined ? value : [before, value].flat());
  }
  headers.set('x-request-id', requestId);
  if (client !== null) {
    headers.set('x-forwarded-for', client.address).set('x-forwarded-proto', client.proto);
    headers.set('x-forwarded-host', host);
  }
  if (isUpgrade) headers.set('connection', 'Upgrade').set('upgrade', 'websocket');
  return Object.fromEntries(headers);
}

const ofServersConnection = new Set(['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

/** The fields of a server's answer to pass on, name after value as they came. */
export function responseHeaders(raw: readonly string[]): string[] {
  const named = connectionTokens(raw);
  const kept: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const key = name.toLowerCase();
    if (ofServersConnection.has(key) || key.startsWith('proxy-')) continue;
    if (!named.has(key) || key === 'content-length') kept.push(name, raw[index + 1] ?? '');
  }
  return kept;
}

const nothing: ReadonlySet<string> = new Set();

/** The words of the Connection fields, in lower case. */
function connectionTokens(raw: readonly string[]): ReadonlySet<string> {
  let text = '';
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    if (name.length === 10 && name.toLowerCase() === 'connection') text += `,${raw[index + 1]}`;
  }
  return text === '' ? nothing : new Set(text.split(',').map((token) => sameField(token.trim().toLowerCase())));
}
