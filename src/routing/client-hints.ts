import type { Directory, DirectoryEntry, MailboxEntry } from '../topology/directory.js';
import { parseMailAddress } from '../topology/mail-address.js';
import type { Topology } from '../topology/topology.js';
import { findLogin } from './recipients.js';

/** What a client says about whose mailbox it wants. Header names are in lower case. */
export interface ClientRequest {
  readonly user: string | null;
  /** Path and query of the request, or a whole URL; null for IMAP and POP. */
  readonly url: string | null;
  readonly headers: ReadonlyMap<string, string>;
}

export interface Hint {
  readonly rule: string;
  readonly value: string;
}

/** A hint that led to a mailbox, or the hints that led to nobody. */
export interface Anchor {
  readonly entry: MailboxEntry | undefined;
  readonly hint: Hint | undefined;
  readonly missed: readonly Hint[];
}

/** The path and query of a request target, whatever form it has; undefined when it cannot be read. */
export function requestUrl(target: string | null): URL | undefined {
  const base = 'http://front.end';
  const text = target ?? '/';
  const rooted = text.startsWith('/') ? base + text : text;
  return URL.canParse(rooted) ? new URL(rooted) : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % sign: the text itself is the hint
  }
}

/** Every hint of a request, best first. */
function hintsOf(request: ClientRequest): Hint[] {
  const url = request.url === null ? undefined : requestUrl(request.url);
  const header = (name: string): string => request.headers.get(name)?.trim() ?? '';
  const hints: Hint[] = [];
  const add = (rule: string, value: string | null | undefined): void => {
    if (value) hints.push({ rule, value });
  };
  if (url) {
    if (/^\/mapi\//i.test(url.pathname)) add('mailbox-id', parameterOf(url, 'mailboxid'));
    if (/^\/rpc\//i.test(url.pathname)) add('mailbox-id', rpcMailbox(url));
    const segment = decoded(/^\/(?:owa|ecp)\/([^/]+)/i.exec(url.pathname)?.[1] ?? '');
    if (segment.includes('@')) add('explicit-logon', segment);
  }
  add('public-folder-mailbox', header('x-publicfoldermailbox'));
  add('anchor-mailbox', header('x-anchormailbox'));
  if (url && /^\/microsoft-server-activesync/i.test(url.pathname)) add('activesync-user', parameterOf(url, 'user'));
  add('user', request.user);
  return hints;
}

/** `mailbox@domain` of `/rpc/rpcproxy.dll?mailbox@domain:6001`. */
function rpcMailbox(url: URL): string | undefined {
  const [mailbox, port, ...rest] = decoded(url.search.slice(1)).split(':', 3);
  const isPort = port === undefined || /^\d+$/.test(port);
  return mailbox?.includes('@') && isPort && rest.length === 0 ? mailbox : undefined;
}

function parameterOf(url: URL, wanted: string): string | undefined {
  for (const [name, value] of url.searchParams) if (name.toLowerCase() === wanted) return value;
  return undefined;
}

/** The mailbox that a request is for: the best hint that names one in the directory. A hint never names a server. */
export function findAnchor(topology: Topology, directory: Directory, request: ClientRequest): Anchor {
  const missed: Hint[] = [];
  for (const hint of hintsOf(request)) {
    const entry = lookUp(topology, directory, hint);
    if (entry?.class === 'mailbox') return { entry, hint, missed };
    missed.push(hint);
  }
  return { entry: undefined, hint: undefined, missed };
}

function lookUp(topology: Topology, directory: Directory, { rule, value }: Hint): DirectoryEntry | undefined {
  if (value.length > 1000) return undefined;
  const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=@|$)/i.exec(value)?.[0];
  if (rule === 'mailbox-id' && guid !== undefined) {
    const byGuid = directory.findByGuid(guid);
    if (byGuid) return byGuid;
  }
  const bare = value.replace(/^smtp:/i, '');
  if (rule === 'user' || rule === 'activesync-user') return findLogin(topology, directory, bare);
  const key = parseMailAddress(bare)?.key;
  return key === undefined ? undefined : directory.find(key);
}
