import type { Directory, DirectoryEntry, MailboxEntry } from '../topology/directory.js';
import { parseMailAddress } from '../topology/mail-address.js';
import type { Topology } from '../topology/topology.js';
import type { Service } from './client-protocols.js';
import { autodiscoverAddress, basicUser, bearerUser, formsUser } from './named-user.js';
import { findLogin } from './recipients.js';
import type { RouteCookies } from './route-cookie.js';
import { autodiscoverTarget, explicitLogon, queryParameter, rpcMailbox } from './url-hints.js';

/** What a client says about whose mailbox it wants. Header names are in lower case. */
export interface ClientRequest {
  /** The login; null: the Authorization field, if there is one, says it. */
  readonly user: string | null;
  /** Path and query of the request, or a whole URL; null for IMAP and POP. */
  readonly url: string | null;
  /** Not given: the one that goes with the rest of the request. */
  readonly method?: string;
  readonly headers: ReadonlyMap<string, string>;
  /** The beginning of the body where it can name somebody, as text; null: not read. */
  readonly body?: string | null;
  readonly cookies?: RouteCookies | null;
}

/** `rule` is what the trace calls it after `anchor/`. */
export interface Hint {
  readonly rule: HintRule;
  readonly value: string;
}

export type HintRule =
  | 'override-cookie'
  | 'mailbox-id'
  | 'explicit-logon'
  | 'public-folder-mailbox'
  | 'anchor-mailbox'
  | 'activesync-user'
  | 'user'
  | 'bearer-token'
  | 'forms-login'
  | 'autodiscover-address'
  | 'session-cookie';

/** A hint that led to a mailbox, or the hints that led to nobody. */
export interface Anchor {
  readonly entry: MailboxEntry | undefined;
  readonly hint: Hint | undefined;
  readonly missed: readonly Hint[];
}

/** How much of a body is read for a name. */
export const bodyHintBytesMax = 65_536;

/** Whether the client asks to stay with the server that its override cookie leads to. */
export function asksAffinity(request: ClientRequest): boolean {
  return request.headers.get('x-preferserveraffinity')?.toLowerCase() === 'true';
}

/** Every hint of a request, best first; of a login by IMAP or POP (no service) its user. */
export function hintsOf(service: Service | null, request: ClientRequest): readonly Hint[] {
  const { user, headers, cookies } = request;
  if (service === null) return user ? [{ rule: 'user', value: user }] : [];
  const hints: Hint[] = [];
  const add = (rule: HintRule, value: string | null | undefined): void => {
    if (value) hints.push({ rule, value });
  };
  if (cookies && asksAffinity(request)) add('override-cookie', cookies.override);
  const url = service.isBuiltIn ? request.url : null;
  if (url !== null) {
    if (service.name === 'mapi') add('mailbox-id', queryParameter(url, 'mailboxid'));
    else if (service.name === 'rpc') add('mailbox-id', rpcMailbox(url));
    else if (service.name === 'owa' || service.name === 'ecp') add('explicit-logon', explicitLogon(url));
  }
  add('public-folder-mailbox', headers.get('x-publicfoldermailbox')?.trim());
  add('anchor-mailbox', headers.get('x-anchormailbox')?.trim());
  if (url !== null && service.name === 'eas') add('activesync-user', queryParameter(url, 'user'));
  const authorization = headers.get('authorization');
  add('user', user ?? basicUser(authorization));
  if (user === null) add('bearer-token', bearerUser(authorization));
  if (url !== null && service.name === 'autodiscover') add('autodiscover-address', autodiscoverTarget(url));
  if (request.body) addBodyHint(service, request, request.body, add);
  if (cookies) add('session-cookie', cookies.session);
  return hints;
}

type BodyKind = 'form' | 'autodiscover' | 'none';

/** What kind of name the body of a request can hold. */
function bodyKind(service: Service, { method, url, headers }: ClientRequest): BodyKind {
  if ((method ?? 'POST') !== 'POST') return 'none';
  if (service.isBuiltIn && service.name === 'autodiscover') return 'autodiscover';
  if (service.isBuiltIn && service.name !== 'owa' && service.name !== 'ecp') return 'none';
  const type = headers.get('content-type');
  if (type === undefined || !/^application\/x-www-form-urlencoded *(?:;|$)/i.test(type)) return 'none';
  return !service.isBuiltIn || /^[^?#]*(?:auth\.owa|logon\.aspx)(?:[?#]|$)/i.test(url ?? '') ? 'form' : 'none';
}

const loginFields: ReadonlySet<string> = new Set(['username']);
const furtherLoginFields: ReadonlySet<string> = new Set(['username', 'user', 'login', 'email', '_user']);

function addBodyHint(
  service: Service,
  request: ClientRequest,
  body: string,
  add: (rule: HintRule, value: string | null) => void,
): void {
  const text = body.slice(0, bodyHintBytesMax);
  switch (bodyKind(service, request)) {
    case 'form':
      add('forms-login', formsUser(text, service.isBuiltIn ? loginFields : furtherLoginFields));
      return;
    case 'autodiscover':
      add('autodiscover-address', autodiscoverAddress(text));
      return;
    case 'none':
  }
}

/**
 * Whether the body of a request, up to `bodyHintBytesMax` of it, is to be read before the request is routed: it can name
 * somebody, and none of the hints found so far is sure to. Those that are looked up may miss; a signed cookie does not.
 */
export function bodyCanName(service: Service, request: ClientRequest, hints: readonly Hint[]): boolean {
  return bodyKind(service, request) !== 'none' && hints[0]?.rule !== 'override-cookie';
}

/** The mailbox that hints lead to: that of the best one that names one in the directory. A hint never names a server. */
export function findAnchor(topology: Topology, directory: Directory, hints: readonly Hint[]): Anchor {
  const missed: Hint[] = [];
  for (const hint of hints) {
    const entry = lookUp(topology, directory, hint);
    if (entry?.class === 'mailbox') return { entry, hint, missed };
    missed.push(hint);
  }
  return { entry: undefined, hint: undefined, missed };
}

const guidForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=@|$)/i;

function lookUp(topology: Topology, directory: Directory, { rule, value }: Hint): DirectoryEntry | undefined {
  if (value.length > 1000) return undefined;
  const bare = value.replace(/^smtp:/i, '');
  switch (rule) {
    case 'user':
    case 'activesync-user':
    case 'forms-login':
      return findLogin(topology, directory, bare);
    case 'mailbox-id': {
      const guid = guidForm.exec(value)?.[0];
      const byGuid = guid === undefined ? undefined : directory.findByGuid(guid);
      return byGuid ?? byAddress(directory, bare);
    }
    case 'override-cookie':
    case 'explicit-logon':
    case 'public-folder-mailbox':
    case 'anchor-mailbox':
    case 'bearer-token':
    case 'autodiscover-address':
    case 'session-cookie':
      return byAddress(directory, bare);
  }
}

function byAddress(directory: Directory, text: string): DirectoryEntry | undefined {
  const key = parseMailAddress(text)?.key;
  return key === undefined ? undefined : directory.find(key);
}
