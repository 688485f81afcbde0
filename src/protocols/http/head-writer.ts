import { connectionOptions } from './connection-options.js';
import { withoutCookies } from './cookie-pairs.js';
import { isNamed, joinedValue, keyOf, tokenKeyOf } from './field-names.js';
import { fateInAnswer, fateInRequest } from './forwarded-fields.js';
import type { AnswerHead, BodyFraming, FieldLines, RequestHead } from './http-message.js';
import { safeText, tokenOrQuoted } from './safe-text.js';

/** What a server is told of a request besides the client's own words. */
export interface Forwarding {
  readonly requestId: string;
  readonly host: string;
  /** Null where the server is not to be told of the client. */
  readonly client: { readonly address: string; readonly proto: 'http' | 'https' } | null;
  /** The protocol to change to; null for none. */
  readonly upgrade: string | null;
  /** Cookies of the front end's own. */
  readonly droppedCookies: readonly string[];
}

const usualMethods: ReadonlySet<string> = new Set(['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
// RFC 9110 §8.6: their length is told also when it is 0, which HTTP/2 tells otherwise; there are servers that insist.
const withContent: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
const emptyBody: BodyFraming = { kind: 'length', length: 0 };
const unusableInTarget = /[^\x21-\x7e]/;

const nothing: ReadonlySet<string> = new Set();

/**
 * The head of a request to a server, in HTTP/1.1 and with its empty line: the client's fields, spelled as they came, but
 * for those of its connection and those that only a front end may set; and ours. The framing is told anew, Expect as
 * the head says it. Characters of values that cannot be written are spaces.
 * @throws {Error} when method or target cannot be written
 */
export function requestHeadText(head: RequestHead, target: string, forwarding: Forwarding): string {
  const { method, fields } = head;
  if (!usualMethods.has(method) && tokenKeyOf(method) === undefined) throw new Error('the method is no token');
  if (target === '' || unusableInTarget.test(target)) throw new Error('the request target cannot be written');
  const named = namedByConnection(fields);
  let text = `${method} ${target} HTTP/1.1\r\nHost: ${safeText(forwarding.host)}\r\n`;
  let hasCookies = false;
  let takesTrailers = false;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? '';
    const value = fields[index + 1] ?? '';
    switch (fateInRequest(name)) {
      case 'drop':
        continue;
      case 'cookie':
        hasCookies = true;
        continue;
      case 'te':
        takesTrailers ||= value.toLowerCase() === 'trailers';
        continue;
      case 'keep':
        if (named.size > 0 && named.has(keyOf(name))) continue;
        break;
      case 'protect':
        break;
    }
    text += `${name}: ${safeText(value)}\r\n`;
  }
  if (hasCookies) text += cookieLine(fields, forwarding.droppedCookies);
  const isToldEmpty = head.version === '2' && head.framing.kind === 'none' && withContent.has(method);
  const framing = isToldEmpty ? emptyBody : head.framing;
  return `${text}${framingLine(framing)}${connectionLines(head, forwarding, takesTrailers)}${clientLines(forwarding)}\r\n`;
}

/** What Connection names, in lower case, beyond its own words. */
function namedByConnection(fields: FieldLines): ReadonlySet<string> {
  const options = connectionOptions(fields);
  const isUsual = options.every((option) => option === 'keep-alive' || option === 'close' || option === 'upgrade');
  return isUsual ? nothing : new Set(options);
}

function cookieLine(fields: FieldLines, droppedCookies: readonly string[]): string {
  const kept = withoutCookies(safeText(joinedValue(fields, 'cookie') ?? ''), droppedCookies);
  return kept === null ? '' : `Cookie: ${kept}\r\n`;
}

function framingLine(framing: BodyFraming): string {
  switch (framing.kind) {
    case 'none':
      return '';
    case 'length':
      return `Content-Length: ${framing.length}\r\n`;
    case 'chunked':
    case 'until-close':
      return 'Transfer-Encoding: chunked\r\n';
  }
}

function connectionLines(head: RequestHead, { upgrade }: Forwarding, takesTrailers: boolean): string {
  const expect = head.expectsContinue ? 'Expect: 100-continue\r\n' : '';
  if (upgrade !== null) return `${expect}Connection: Upgrade\r\nUpgrade: ${safeText(upgrade)}\r\n`;
  // RFC 9110 §10.1.4: TE concerns one connection, and Connection says so.
  return takesTrailers ? `${expect}Connection: TE\r\nTE: trailers\r\n` : expect;
}

function clientLines({ requestId, host, client }: Forwarding): string {
  const id = `X-Request-Id: ${safeText(requestId)}\r\n`;
  if (client === null) return id;
  const { proto } = client;
  const address = safeText(client.address);
  // RFC 7239 §6: an IPv6 address is in brackets and quotes.
  const node = address.includes(':') ? `"[${address}]"` : tokenOrQuoted(address);
  const lines = `X-Forwarded-For: ${address}\r\nX-Forwarded-Proto: ${proto}\r\n${id}`;
  if (host === '') return `${lines}Forwarded: for=${node};proto=${proto}\r\n`;
  return `${lines}X-Forwarded-Host: ${safeText(host)}\r\nForwarded: for=${node};proto=${proto};host=${tokenOrQuoted(host)}\r\n`;
}

/**
 * A server's fields but for those of its connection and those that name servers. Content-Length is left out, because
 * `answerHeadText` tells it from the framing; unless the answer has no body and it is the length of what a GET would
 * have had (to HEAD, and with 304).
 */
export function answerFields(head: AnswerHead): FieldLines {
  const { fields, status, framing } = head;
  const named = namedByConnection(fields);
  const keepsLength = framing.kind === 'none' && status >= 200 && status !== 204;
  const kept: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? '';
    switch (fateInAnswer(name)) {
      case 'drop':
        continue;
      case 'length':
        if (!keepsLength) continue;
        break;
      case 'trailer':
        if (framing.kind !== 'chunked') continue;
        break;
      case 'keep':
        if (named.size > 0 && named.has(keyOf(name))) continue;
        break;
      case 'protect':
        break;
    }
    kept.push(name, fields[index + 1] ?? '');
  }
  return kept;
}

/**
 * The head of an answer to an HTTP/1 client, with its empty line. For a body of no bytes (`none`) it adds
 * `Content-Length: 0`, but not with 1xx, 204 and 304, not when the fields have a Content-Length, and not to HEAD. To a
 * client of HTTP/1.0, `chunked` is told like `until-close`: the body is to be written without chunk sizes, and the
 * connection to be closed. Names that are no tokens are left out, characters that cannot be written are spaces.
 * @param connection whether it stays open for another request
 * @param method of the request
 */
export function answerHeadText(
  status: number,
  reason: string,
  fields: FieldLines,
  framing: BodyFraming,
  connection: 'keep' | 'close',
  version: '1.0' | '1.1',
  method = 'GET',
): string {
  const told: BodyFraming = version === '1.0' && framing.kind === 'chunked' ? { kind: 'until-close' } : framing;
  const start = `HTTP/1.1 ${status} ${safeText(reason)}\r\n${fieldLines(fields)}`;
  const end = answerConnectionLine(told, status, connection, version);
  return `${start}${answerFramingLine(told, status, fields, method)}${end}\r\n`;
}

function answerFramingLine(framing: BodyFraming, status: number, fields: FieldLines, method: string): string {
  switch (framing.kind) {
    case 'until-close':
      return '';
    case 'length':
    case 'chunked':
      return framingLine(framing);
    case 'none': {
      if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return '';
      const isTold = fields.some((name, index) => index % 2 === 0 && isNamed(name, 'content-length'));
      return isTold ? '' : 'Content-Length: 0\r\n';
    }
  }
}

function answerConnectionLine(
  framing: BodyFraming,
  status: number,
  connection: 'keep' | 'close',
  version: '1.0' | '1.1',
): string {
  if (status < 200) return '';
  if (connection === 'close' || framing.kind === 'until-close') return 'Connection: close\r\n';
  return version === '1.0' ? 'Connection: keep-alive\r\n' : '';
}

function fieldLines(fields: FieldLines): string {
  let text = '';
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? '';
    if (tokenKeyOf(name) !== undefined) text += `${name}: ${safeText(fields[index + 1] ?? '')}\r\n`;
  }
  return text;
}

/** What stands before a chunk's bytes; CRLF stands behind them. */
export function chunkText(length: number): string {
  return `${length.toString(16)}\r\n`;
}

/** What ends a chunked body (RFC 9112 §7.1). */
export function lastChunkText(trailers: FieldLines): string {
  return trailers.length === 0 ? '0\r\n\r\n' : `0\r\n${fieldLines(trailers)}\r\n`;
}
