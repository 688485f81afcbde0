import type { ReceiveConnector, Server } from '../topology/catalogue/catalogue.js';
import type { Directory } from '../topology/directory.js';
import { addressKey } from '../topology/mail-address.js';
import { formatSize } from '../topology/quantities.js';
import { canonicalAddress } from '../topology/ranges.js';
import type { Screening } from '../topology/screening.js';
import type { Topology } from '../topology/topology.js';
import { componentState } from './availability.js';
import type { Reply, TraceStep } from './decision.js';
import { step } from './decision.js';
import { completeAddress, findLogin, loginKey } from './recipients.js';

/** What a mail session at a front end is judged by. */
export interface MailSession {
  readonly topology: Topology;
  readonly directory: Directory;
  readonly frontEnd: Server;
  readonly connector: ReceiveConnector;
  readonly clientAddress: string | null;
  /** The login of a client that authenticated. */
  readonly user: string | null;
  /** What the filters say; null where none are asked. */
  readonly screening: Screening | null;
}

/** Who a session counts as: decides what it may do. */
export type Standing = 'anonymous' | 'user' | 'server' | 'partner';

/** A judgement: go on, or what to answer instead; and why. */
export interface Judgement {
  readonly refusal: { readonly verdict: 'reject' | 'defer'; readonly reason: string; readonly reply: Reply } | null;
  readonly trace: readonly TraceStep[];
}

export const passed = (...trace: TraceStep[]): Judgement => ({ refusal: null, trace });

export function refused(
  verdict: 'reject' | 'defer',
  reason: string,
  code: number,
  enhanced: string,
  text: string,
): Judgement {
  const reply = { code, enhanced, text };
  return { refusal: { verdict, reason, reply }, trace: [step(`refuse/${reason}`, `${code} ${enhanced} ${text}`)] };
}

/** Who the session counts as on its connector. */
export function standingOf(session: MailSession): Standing {
  const { connector } = session;
  if (session.user !== null) return 'user';
  if (connector.auth.includes('external-authoritative')) return 'server';
  if (connector.permissionGroups.includes('servers') && isOwnServer(session)) return 'server';
  const partnersOnly =
    connector.permissionGroups.includes('partners') && !connector.permissionGroups.includes('anonymous');
  return partnersOnly ? 'partner' : 'anonymous';
}

/** A mailbox server of ours, known by its address. */
function isOwnServer({ topology, clientAddress }: MailSession): boolean {
  return clientAddress !== null && topology.mailboxServersAt(canonicalAddress(clientAddress)).length > 0;
}

/** May the session begin: the front end is in service, its site takes mail from outside, the connector admits it. */
export function judgeConnection(session: MailSession): Judgement {
  const { frontEnd, connector, topology } = session;
  const state = componentState(frontEnd, 'frontend-transport');
  if (state !== 'active') {
    return refused(
      'defer',
      'front-end-not-in-service',
      421,
      '4.3.2',
      `Service not active (frontend-transport ${state})`,
    );
  }
  const standing = standingOf(session);
  const site = topology.site(frontEnd.site);
  if ((standing === 'anonymous' || standing === 'partner') && site && !site.acceptInbound) {
    return refused(
      'defer',
      'site-takes-no-inbound-mail',
      421,
      '4.3.2',
      'Service not available from outside at this site',
    );
  }
  return passed(step('receive-connector/chosen', `"${connector.name}"; the client counts as ${standing}`));
}

/** MAIL FROM: may this session send, under this address, a message of this size. `from` is '' for the empty sender. */
export function judgeSender(session: MailSession, from: string, sizeBytes: number | null): Judgement {
  const standing = standingOf(session);
  const { connector, topology } = session;
  const group = { anonymous: 'anonymous', user: 'users', server: 'servers', partner: 'partners' } as const;
  const admits = connector.permissionGroups.includes(group[standing]);
  // A login decides also where the connector names strangers only.
  if (!admits && standing !== 'user') {
    return refused('reject', 'not-authenticated', 530, '5.7.1', 'Client was not authenticated');
  }
  if (from !== '' && addressKey(completeAddress(topology, from)) === undefined)
    return refused('reject', 'bad-sender', 501, '5.1.7', 'Invalid address');
  if (standing === 'user' && !maySendAs(session, from)) {
    return refused(
      'reject',
      'not-own-address',
      550,
      '5.7.1',
      'Client does not have permissions to send as this sender',
    );
  }
  const limit = standing === 'server' ? null : Math.min(connector.maxMessageSize, topology.organization.maxMessageSize);
  if (sizeBytes !== null && limit !== null && sizeBytes > limit) {
    const text = `Message size exceeds fixed maximum message size (${formatSize(limit)})`;
    return refused('reject', 'message-too-large', 552, '5.3.4', text);
  }
  return screenSender(session, from);
}

/** Whether filters look at a session: they look at strangers only. */
export function screeningOf(session: MailSession): Screening | null {
  const standing = standingOf(session);
  return standing === 'anonymous' || standing === 'partner' ? session.screening : null;
}

function screenSender(session: MailSession, from: string): Judgement {
  const screening = screeningOf(session);
  if (!screening) return passed();
  const { client } = screening;
  const trace = client.kind === 'pass' ? [] : [step(`filter/client-${client.kind}`, client.why)];
  const verdict = screening.sender(from === '' ? from : completeAddress(session.topology, from));
  if (verdict.kind === 'pass') return passed(...trace);
  trace.push(step(`filter/sender-${verdict.kind}`, verdict.why));
  if (verdict.kind !== 'block') return passed(...trace);
  const { code, enhanced, text } = verdict.reply;
  const refusal = refused('reject', 'sender-blocked', code, enhanced, text);
  return { ...refusal, trace: [...trace, ...refusal.trace] };
}

/** A user sends under the addresses of the own mailbox; an account without one under its own name; anybody as nobody. */
function maySendAs({ topology, directory, user }: MailSession, from: string): boolean {
  if (from === '' || user === null) return true;
  const own = findLogin(topology, directory, user);
  const key = addressKey(completeAddress(topology, from));
  if (key === undefined) return false;
  if (!own) return key === loginKey(topology, user);
  const sender = directory.find(key);
  return sender !== undefined && sender.class === own.class && sender.address === own.address;
}
