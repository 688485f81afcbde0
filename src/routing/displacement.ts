import type { Server } from '../topology/catalogue/catalogue.js';
import type { Directory } from '../topology/directory.js';
import { addressKey } from '../topology/mail-address.js';
import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import { componentState } from './availability.js';
import { frontEndComponent } from './client-protocols.js';

/** A session of a mail client that is logged in: whose mailbox, and at which server. */
export interface PlacedSession {
  readonly protocol: 'imap' | 'pop';
  /** The mailbox's own address. */
  readonly mailbox: string;
  readonly server: string;
}

/** The estate that a session is judged by. */
export interface Placement {
  readonly topology: Topology;
  readonly directory: Directory;
  readonly frontEnd: Server;
}

/**
 * Why a session is no longer where a login would be led, in words; null when it may stay. Sessions outlast a component
 * that is draining, but not one that is inactive; a server that is down for the moment does not count.
 */
export function whyDisplaced(placement: Placement, { protocol, mailbox, server }: PlacedSession): string | null {
  const { topology, directory, frontEnd } = placement;
  const door = frontEndComponent(protocol);
  if (componentState(frontEnd, door) === 'inactive') return `${door} of ${frontEnd.name} is inactive`;
  const entry = directory.find(addressKey(mailbox) ?? mailbox);
  if (entry?.class !== 'mailbox') return `there is no mailbox ${mailbox} any more`;
  if (entry.protocols[protocol] === false) return `${protocol} is switched off for ${entry.address}`;
  const database = topology.database(entry.database);
  // The directory is ahead of the topology: the database will be known with the next revision.
  if (!database) return null;
  if (nameKey(database.active) !== nameKey(server)) {
    return `the mailbox is in ${database.name}, which is active on ${database.active}`;
  }
  const holder = topology.server(server);
  return holder && componentState(holder, protocol) === 'inactive' ? `${protocol} of ${holder.name} is inactive` : null;
}
