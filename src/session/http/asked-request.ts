import type { IncomingMessage } from 'node:http';
import { serviceOfPath } from '../../routing/client-protocols.js';
import type { WebService } from '../../topology/components.js';
import type { Answer } from './answers.js';
import { basicUser } from './basic-user.js';
import { readTarget } from './request-target.js';

/** How the length of a request's body is told. */
export type Framing = 'none' | 'length' | 'chunked';

/** A request as far as routing and forwarding care. */
export interface AskedRequest {
  /** Path and query, as they came. */
  readonly target: string;
  readonly path: string;
  readonly service: WebService;
  readonly host: string;
  /** From Basic credentials; null when there are none. */
  readonly user: string | null;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly framing: Framing;
  /** Whether its credentials hold for a connection and not for a request (NTLM, Negotiate). */
  readonly isConnectionBound: boolean;
}

export type ReadRequest =
  | { readonly kind: 'asked'; readonly asked: AskedRequest }
  | { readonly kind: 'refused'; readonly answer: Answer };

const fieldsMax = 250;
// Fields of which a server might read another one than we did.
const singleFields = ['host', 'authorization', 'x-anchormailbox', 'x-publicfoldermailbox'];

const refused = (status: number, text: string): ReadRequest => ({ kind: 'refused', answer: { status, text } });

/** Reads the head of a request; or says how it is turned away. */
export function readRequest(request: IncomingMessage): ReadRequest {
  if (request.httpVersion !== '1.1' && request.httpVersion !== '1.0') return refused(505, 'HTTP/1.1 is spoken here');
  if (request.rawHeaders.length > 2 * fieldsMax) return refused(431, 'too many header fields');
  const names = request.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const twice = singleFields.find((field) => names.indexOf(field) !== names.lastIndexOf(field));
  if (twice !== undefined) return refused(400, `more than one ${twice} field`);
  const framing = framingOf(request);
  if (framing === undefined) return refused(501, 'only chunked is understood as a transfer coding');
  const read = readTarget(request.url ?? '/');
  if (read === null) return refused(400, 'the request target cannot be used');
  const service = serviceOfPath(read.path) ?? (read.path === '/' ? 'owa' : undefined);
  if (service === undefined) return refused(404, 'Not Found');
  const { target, path, authority } = read;
  const host = authority ?? request.headers.host ?? '';
  const headers = headersOf(request, host);
  const { authorization } = request.headers;
  const isConnectionBound = /^(?:ntlm|negotiate)\b/i.test(authorization ?? '');
  const user = basicUser(authorization);
  return { kind: 'asked', asked: { target, path, service, host, user, headers, framing, isConnectionBound } };
}

// RFC 9112 §6.1: other codings would have to be undone, and HTTP/1.0 knows none.
function framingOf(request: IncomingMessage): Framing | undefined {
  const coding = request.headers['transfer-encoding'];
  if (coding !== undefined) {
    return request.httpVersion === '1.1' && coding.trim().toLowerCase() === 'chunked' ? 'chunked' : undefined;
  }
  return Number(request.headers['content-length'] ?? '0') > 0 ? 'length' : 'none';
}

function headersOf(request: IncomingMessage, host: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return headers.set('host', host);
}
