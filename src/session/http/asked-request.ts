import { credentialsScope } from '../../protocols/http/credentials-scope.js';
import { keyOf } from '../../protocols/http/field-names.js';
import type { RequestHead } from '../../protocols/http/http-message.js';
import { readTarget } from '../../protocols/http/request-target.js';
import { type ClientRequest, type Hint, hintsOf } from '../../routing/client-hints.js';
import { type Service, serviceOfPath } from '../../routing/client-protocols.js';
import { readRouteCookies } from '../../routing/route-cookie.js';
import type { Topology } from '../../topology/topology.js';
import type { Answer } from './answers.js';

/** A request as far as routing and forwarding care. */
export interface AskedRequest {
  readonly request: ClientRequest & { readonly method: string };
  /** Path and query, byte for byte as they came. */
  readonly target: string;
  readonly path: string;
  readonly service: Service;
  readonly host: string;
  readonly hints: readonly Hint[];
  /** Whether its credentials hold for a connection and not for a request, or may do so. */
  readonly isConnectionBound: boolean;
}

export type ReadRequest =
  | { readonly kind: 'asked'; readonly asked: AskedRequest }
  | { readonly kind: 'refused'; readonly answer: Answer };

// What routing reads; nothing else is looked at.
const readFields = new Set([
  'host',
  'authorization',
  'cookie',
  'content-type',
  'user-agent',
  'x-anchormailbox',
  'x-publicfoldermailbox',
  'x-preferserveraffinity',
]);
// Fields of which a server might read another one than we did.
const singleFields = new Set(['host', 'authorization', 'content-type', 'x-anchormailbox', 'x-publicfoldermailbox']);

const refused = (status: number, text: string): ReadRequest => ({ kind: 'refused', answer: { status, text } });

/** Reads what a request asks for; or says how it is turned away. */
export function readRequest(
  head: RequestHead,
  topology: Topology,
  keys: readonly Buffer[],
  nowMs: number,
): ReadRequest {
  // RFC 6455 §4.1: a GET; a body could be taken for frames.
  if (head.upgrade === 'websocket' && (head.method !== 'GET' || head.framing.kind !== 'none'))
    return refused(400, 'no WebSocket handshake');
  const headers = headersOf(head);
  if (typeof headers === 'string') return refused(400, `more than one ${headers} field`);
  const read = readTarget(head.target, (path) => serviceOfPath(topology, path)?.name);
  if (read === null) return refused(400, 'the request target cannot be used');
  const { target, path, authority } = read;
  const service = serviceOfPath(topology, path === '/' ? '/owa' : path);
  if (service === undefined) return refused(404, 'Not Found');
  const host = authority ?? head.host;
  headers.set('host', host);
  const cookies = readRouteCookies(headers.get('cookie'), keys, nowMs);
  const request = { user: null, url: target, method: head.method, headers, body: null, cookies };
  const isConnectionBound = credentialsScope(headers.get('authorization')) !== 'request';
  const hints = hintsOf(service, request);
  return { kind: 'asked', asked: { request, target, path, service, host, hints, isConnectionBound } };
}

/** The fields that are read, by name in lower case; the name of one that came twice and may not. */
function headersOf({ fields }: RequestHead): Map<string, string> | string {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const key = keyOf(fields[index] ?? '');
    if (!readFields.has(key)) continue;
    const value = fields[index + 1] ?? '';
    const before = headers.get(key);
    if (before === undefined) headers.set(key, value);
    else if (singleFields.has(key)) return key;
    else headers.set(key, `${before}${key === 'cookie' ? '; ' : ', '}${value}`);
  }
  return headers;
}

/** The same request with what its body says. */
export function withBody(asked: AskedRequest, body: string): AskedRequest {
  const request = { ...asked.request, body };
  return { ...asked, request, hints: hintsOf(asked.service, request) };
}
