import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import { deliveryGroupOf } from './delivery-groups.js';
import { consideredMax, type Envelope } from './mail-recipients.js';
import type { MailSession } from './mail-session.js';
import { isHandedOver } from './outbound-mail.js';

/**
 * Whether further recipients can no longer change where a transaction goes, so that its server may be asked now:
 * it follows its sender, it leaves the estate, it was narrowed to a server that takes only its own mailboxes, twenty
 * recipients have had their say, or there is one delivery group only and a recipient is in it.
 */
export function isServerCertain(session: MailSession, envelope: Envelope): boolean {
  if (envelope.accepted.length === 0) return false;
  if (session.user !== null || envelope.wayOut !== null || envelope.accepted.length >= consideredMax) return true;
  const { topology } = session;
  const database = envelope.accepted.find((recipient) => recipient.considered && recipient.database !== null)?.database;
  if (database === undefined || database === null) return false;
  if (topology.server(topology.database(database)?.active ?? '')?.accepts === 'own') return true;
  return hasOneGroup(topology);
}

/** Whether the transaction could go elsewhere if it had other recipients: to another group, or out of the estate. */
export function isMovable(session: MailSession, { wayOut }: Envelope): boolean {
  if (session.user !== null) return false;
  return wayOut !== null || !hasOneGroup(session.topology) || isHandedOver(session);
}

const oneGroup = new WeakMap<Topology, boolean>();

function hasOneGroup(topology: Topology): boolean {
  const known = oneGroup.get(topology);
  if (known !== undefined) return known;
  const groups = topology.databases.map((database) => deliveryGroupOf(topology, database));
  const names = new Set(groups.map((group) => group && `${group.kind} ${nameKey(group.name)}`));
  const is = names.size === 1 && !names.has(undefined);
  oneGroup.set(topology, is);
  return is;
}
