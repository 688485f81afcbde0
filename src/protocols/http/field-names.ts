import { Buffer } from 'node:buffer';
import type { FieldLines } from './http-message.js';

// RFC 9110 §5.6.2
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const usualNames =
  'Accept Accept-Charset Accept-Encoding Accept-Language Accept-Ranges Age Allow Authorization Cache-Control ' +
  'Client-Request-Id Connection Content-Disposition Content-Encoding Content-Language Content-Length ' +
  'Content-Location Content-Range Content-Type Cookie Date DNT ETag Expect Expires Forwarded From Host If-Match ' +
  'If-Modified-Since If-None-Match If-Range If-Unmodified-Since Keep-Alive Last-Modified Link Location ' +
  'MS-ASProtocolVersion Origin P3P Persistent-Auth Pragma Priority Proxy-Authorization Proxy-Connection Range ' +
  'Referer Request-Id Retry-After Sec-CH-UA Sec-CH-UA-Mobile Sec-CH-UA-Platform Sec-Fetch-Dest Sec-Fetch-Mode ' +
  'Sec-Fetch-Site Sec-Fetch-User Sec-WebSocket-Accept Sec-WebSocket-Extensions Sec-WebSocket-Key ' +
  'Sec-WebSocket-Protocol Sec-WebSocket-Version Server Set-Cookie SOAPAction Strict-Transport-Security TE Trailer ' +
  'Transfer-Encoding Upgrade Upgrade-Insecure-Requests User-Agent Vary Via WWW-Authenticate X-AnchorMailbox ' +
  'X-AspNet-Version X-BEServer X-CalculatedBETarget X-ClientApplication X-ClientInfo X-ContentTypeOptions ' +
  'X-DiagInfo X-FEServer X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-MapiHttpCapability ' +
  'X-MS-PolicyKey X-OWA-CANARY X-Powered-By X-PreferServerAffinity X-PublicFolderMailbox X-Request-Id ' +
  'X-RequestId X-RequestType X-ResponseCode X-UA-Compatible X-User-Identity';

const namesMax = 1024;
const cachedLengthMax = 64;

// By spelling: lower case, for every name that was found to be a token.
const keys = new Map<string, string>();
const usualKeys = usualNames.split(' ').map((name) => name.toLowerCase());

function fill(): void {
  keys.clear();
  for (const name of usualNames.split(' ')) keys.set(name, name.toLowerCase());
  for (const key of usualKeys) keys.set(key, key);
}

fill();

/** The name in lower case if it is a token (RFC 9110 §5.6.2), else undefined. */
export function tokenKeyOf(name: string): string | undefined {
  return keys.get(name) ?? newKeyOf(name);
}

/** A field's name in lower case: what two spellings of it have in common. */
export function keyOf(name: string): string {
  return tokenKeyOf(name) ?? name.toLowerCase();
}

function newKeyOf(name: string): string | undefined {
  if (!token.test(name)) return undefined;
  if (name.length > cachedLengthMax) return name.toLowerCase();
  if (keys.size >= namesMax) fill();
  // A slice would keep the whole head that it was cut from.
  const spelling = Buffer.from(name, 'latin1').toString('latin1');
  const key = spelling.toLowerCase();
  keys.set(spelling, key);
  return key;
}

/** Whether a name is the field of this key. */
export function isNamed(name: string, key: string): boolean {
  return name.length === key.length && (name === key || keyOf(name) === key);
}

/** The value of the first field of this name (in lower case). */
export function fieldValue(fields: FieldLines, key: string): string | undefined {
  for (let index = 0; index < fields.length; index += 2) {
    if (isNamed(fields[index] ?? '', key)) return fields[index + 1];
  }
  return undefined;
}

/** How many fields have this name (in lower case). */
export function countOf(fields: FieldLines, key: string): number {
  let count = 0;
  for (let index = 0; index < fields.length; index += 2) {
    if (isNamed(fields[index] ?? '', key)) count += 1;
  }
  return count;
}

/** The values of all fields of this name (in lower case) as one: with commas (RFC 9110 §5.3), of Cookie with `; `. */
export function joinedValue(fields: FieldLines, key: string): string | undefined {
  let joined: string | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    if (!isNamed(fields[index] ?? '', key)) continue;
    const value = fields[index + 1] ?? '';
    joined = joined === undefined ? value : joined + (key === 'cookie' ? '; ' : ', ') + value;
  }
  return joined;
}
