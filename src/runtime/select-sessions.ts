import type { SessionSelection } from '../control/messages.js';
import { UsherError } from '../errors.js';
import { findLogin } from '../routing/recipients.js';
import type { Snapshot } from '../session/door-services.js';
import type { Session } from '../session/session-registry.js';
import { addressKey } from '../topology/mail-address.js';
import { nameKey } from '../topology/names.js';
import { parseRange, rangeHolds } from '../topology/ranges.js';

type Fits = (id: string, session: Session) => boolean;

/** Whether a session is among those that are meant. A client range that is none is an error. */
export function sessionFilter(selection: SessionSelection, snapshot: Snapshot): Fits {
  const { ids, user, server, protocol, clientIp } = selection;
  const tests: Fits[] = [];
  if (ids !== null) {
    const wanted = new Set(ids.map((id) => id.toLowerCase()));
    tests.push((id) => wanted.has(id));
  }
  if (protocol !== null) tests.push((_, session) => session.protocol === protocol);
  if (server !== null)
    tests.push((_, session) => session.server !== null && nameKey(session.server) === nameKey(server));
  if (clientIp !== null) {
    const range = parseRange(clientIp);
    if (!range) throw new UsherError('usage', 'usage', `"${clientIp}" is no address and no range of addresses`);
    tests.push((_, session) => rangeHolds(range, session.clientAddress));
  }
  if (user !== null) {
    const mailbox = findLogin(snapshot.topology, snapshot.directory, user);
    const wanted = addressKey(mailbox?.address ?? user) ?? user.toLowerCase();
    tests.push((_, session) => userKey(snapshot, session) === wanted);
  }
  return (id, session) => tests.every((fits) => fits(id, session));
}

/**
 * The key of the mailbox whose session it is; the login name where it is no mailbox, null before a login. Mail clients'
 * sessions know their mailbox, others what was typed.
 */
export function userKey({ topology, directory }: Snapshot, { protocol, user }: Session): string | null {
  if (user === null) return null;
  const isMailbox = protocol === 'imap' || protocol === 'pop';
  const address = isMailbox ? user : (findLogin(topology, directory, user)?.address ?? user);
  return addressKey(address) ?? user.toLowerCase();
}
