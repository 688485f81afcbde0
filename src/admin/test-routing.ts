import { hostname } from 'node:os';
import { UsherError } from '../errors.js';
import { downServers } from '../routing/availability.js';
import type { ClientRequest } from '../routing/client-hints.js';
import { bodyHintBytesMax } from '../routing/client-hints.js';
import { clientProtocolNames, serviceOfPath } from '../routing/client-protocols.js';
import type { Decision } from '../routing/decision.js';
import { rejectUnserved } from '../routing/front-end-pages.js';
import { type ClientQuestion, cookieStep, routeClient } from '../routing/route-client.js';
import { readRouteCookies } from '../routing/route-cookie.js';
import { requestUrl } from '../routing/url-hints.js';
import type { Store } from '../store/store.js';
import { chooseFrontEnd, requireServers } from '../topology/choose-front-end.js';
import type { Directory } from '../topology/directory.js';
import { didYouMean, nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import { buildTopology } from '../topology/topology.js';

/** The estate that a question is asked about. */
export interface Estate {
  readonly topology: Topology;
  readonly directory: Directory;
  /** What route cookies are checked with, newest first. */
  routeKeys(): readonly Buffer[];
}

export interface PlaceOfQuestion {
  readonly on: string | undefined;
  readonly down: readonly string[];
}

export interface ClientFlags extends PlaceOfQuestion {
  /** Undefined: the path of the URL says it. */
  readonly protocol: string | undefined;
  readonly user: string | undefined;
  readonly url: string | undefined;
  readonly headers: readonly string[];
  /** Undefined: GET, or POST with a body. */
  readonly method?: string | undefined;
  /** Without a Content-Type among the headers it is a form. */
  readonly body?: string | undefined;
}

/** A decision with the revision of the estate that it was made on. */
export type Answer = { readonly revision: number } & Decision;

/** The stored estate, or as it was at an older revision. */
export function storedEstate(store: Store, revision: number | undefined): Estate {
  const routeKeys = (): readonly Buffer[] => store.routeKeys();
  if (revision === undefined) {
    const { revision: head, objects } = store.topology();
    return { topology: buildTopology(head, objects), directory: store.directory, routeKeys };
  }
  const head = store.revision();
  if (revision > head || revision < 0) {
    throw new UsherError('missing', 'not-found', `there is no revision ${revision}; the newest is ${head}`);
  }
  const past = store.at(revision);
  return { topology: buildTopology(past.revision, past.objects), directory: past.directory, routeKeys };
}

/** A flag whose value cannot be read. */
export function badFlag(flag: string, value: string, expected: string): UsherError {
  return new UsherError('usage', 'usage', `--${flag} takes ${expected}, found "${value}"`);
}

/** Where a request or login of a client goes. */
export function testClientRouting(estate: Estate, flags: ClientFlags): Answer {
  const { topology, directory } = estate;
  if (flags.url !== undefined && !requestUrl(flags.url)) throw badFlag('url', flags.url, 'a URL or a path');
  requireServers(topology, flags.down);
  const request = requestOf(estate, flags);
  const frontEnd = chooseFrontEnd(topology, flags.on, hostname());
  const place = { topology, directory, frontEnd, availability: downServers(flags.down) };
  const protocol = protocolOf(topology, flags);
  const decision =
    protocol === null ? rejectUnserved(pathOf(flags.url)) : routeAsDoor({ ...place, ...request, protocol });
  return { revision: topology.revision, ...decision };
}

/** The decision, with the cookie that the door would set. */
function routeAsDoor(question: ClientQuestion): Decision {
  const { mailbox, hint, ...decision } = routeClient(question);
  const cookie = cookieStep({ ...decision, mailbox, hint }, question);
  return cookie === null ? decision : { ...decision, trace: [...decision.trace, cookie] };
}

function requestOf(estate: Estate, { user, url, method, body, headers: lines }: ClientFlags): ClientRequest {
  const headers = readHeaders(lines);
  if (method !== undefined && !/^[\w-]+$/.test(method)) throw badFlag('method', method, 'the name of an HTTP method');
  if (body !== undefined && !headers.has('content-type')) {
    headers.set('content-type', 'application/x-www-form-urlencoded');
  }
  return {
    user: user ?? null,
    url: url ?? null,
    method: method?.toUpperCase() ?? (body === undefined ? 'GET' : 'POST'),
    headers,
    body: body?.slice(0, bodyHintBytesMax) ?? null,
    cookies: readRouteCookies(headers.get('cookie'), estate.routeKeys(), Date.now()),
  };
}

const pathOf = (url: string | undefined): string => requestUrl(url ?? null)?.pathname ?? '';

/** The path decides, as it does at the door; the flag where the path belongs to no service; null: nothing does. */
function protocolOf(topology: Topology, { protocol, url }: ClientFlags): string | null {
  const known = clientProtocolNames(topology);
  if (protocol === undefined && url === undefined) {
    throw new UsherError('usage', 'usage', `--protocol is missing (one of ${known.join(', ')}), or --url`);
  }
  const given = known.find((name) => nameKey(name) === nameKey(protocol ?? ''));
  if (protocol !== undefined && given === undefined) {
    throw badFlag('protocol', protocol, `one of ${known.join(', ')}${didYouMean(protocol, known)}`);
  }
  if (url === undefined || given === 'imap' || given === 'pop') return given ?? null;
  const path = pathOf(url);
  return serviceOfPath(topology, path === '/' ? '/owa' : path)?.name ?? given ?? null;
}

/** By name in lower case; values of one name are joined as the door joins them. */
function readHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw badFlag('header', line, '"Name: value"');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ', '}${value}`);
  }
  return headers;
}
