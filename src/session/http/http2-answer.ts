import { constants, type OutgoingHttpHeaders, sensitiveHeaders } from 'node:http2';
import type { FieldLines } from '../../protocols/http/http-message.js';
import { safeText } from '../../protocols/http/safe-text.js';
import type { ClientAnswer } from './client-side.js';
import { http2FieldKey, isBadHttp2Value } from './http2-head.js';

// Node throws where one of these stands twice; the first is the one that all clients take.
const firstOnly = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'access-control-request-method',
  'age',
  'authorization',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'range',
  'referer',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'user-agent',
  'x-content-type-options',
]);
// These are lists that Node takes for single values.
const joined = new Set(['content-encoding', 'content-language']);

const neverIndexed = ['set-cookie'];

/** Fields as node:http2 takes them: lower case, none of the connection (RFC 9113 §8.2.2), `set-cookie` never indexed. */
export function http2Fields(fields: FieldLines): OutgoingHttpHeaders {
  const out: OutgoingHttpHeaders = Object.create(null) as OutgoingHttpHeaders;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = http2FieldKey(fields[index] ?? '');
    if (name === undefined || name === 'te') continue;
    const value = usable(fields[index + 1] ?? '');
    const before = out[name];
    if (before === undefined) out[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else if (joined.has(name)) out[name] = `${before}, ${value}`;
    else if (!firstOnly.has(name)) out[name] = [`${before}`, value];
  }
  if (out['set-cookie'] !== undefined) Object.assign(out, { [sensitiveHeaders]: neverIndexed });
  return out;
}

const usable = (value: string): string => (isBadHttp2Value(value) ? safeText(value).trim() : value);

/** As `http2Fields`, for an answer: with the status and, where it is known, the length of the body. */
export function http2AnswerFields({ status, fields, framing }: ClientAnswer): OutgoingHttpHeaders {
  const out = http2Fields(fields);
  out[constants.HTTP2_HEADER_STATUS] = status;
  if (status === 204 || status === 205) delete out['content-length'];
  else if (framing.kind === 'length') out['content-length'] = framing.length;
  else if (framing.kind !== 'none') delete out['content-length'];
  return out;
}
