import { randomUUID } from 'node:crypto';

import { openStore } from '../admin/change-estate.js';
import { type Estate, storedEstate } from '../admin/test-routing.js';
import { demoDomain, demoPassword } from './demo-estate.js';
import { createGroupDelivery } from './group-delivery.js';
import type { MailStore } from './servers/mail-store.js';
import type { Account } from './servers/sign-in.js';

/** What the mailbox servers know of the estate: always that of the newest revision. */
export interface LiveMailboxes {
  /** The account of a login name or recipient. */
  account(name: string): Account | undefined;
  isActive(server: string, database: string): boolean;
  close(): void;
}

/** Follows the store at a path, which must be there. `onFault` hears of group mail that a member has no room for. */
export function openLiveMailboxes(
  storePath: string,
  mail: MailStore,
  onFault: (error: unknown) => void,
): LiveMailboxes {
  const store = openStore(storePath, { purpose: 'runtime' });
  let known: { readonly version: number; readonly estate: Estate } | undefined;
  const estate = (): Estate => {
    const version = store.dataVersion();
    if (known?.version !== version) known = { version, estate: storedEstate(store, undefined) };
    return known.estate;
  };
  const mailboxOf = (name: string): Account | undefined => {
    const address = addressOf(name);
    const { directory } = estate();
    const entry = directory.find(address) ?? directory.find(address.replace(/\+[^@]*@/, '@'));
    switch (entry?.class) {
      case 'mailbox':
        return { password: demoPassword, database: entry.database, address: entry.address.toLowerCase() };
      case 'group':
        groups.watch(entry.address.toLowerCase());
        // nobody signs in as a group
        return { password: randomUUID(), database: groups.database, address: entry.address.toLowerCase() };
      case 'contact':
      case undefined:
        return undefined;
    }
  };
  const groups = createGroupDelivery(store, mail, mailboxOf, onFault);
  return {
    account: mailboxOf,
    isActive(server, database) {
      if (database === groups.database) return true;
      const active = estate().topology.database(database)?.active;
      return active?.toLowerCase() === server.toLowerCase();
    },
    close: () => store.close(),
  };
}

/** `DOMAIN\ann` and `ann` are meant in the demo's domain. */
function addressOf(name: string): string {
  const user = name.slice(name.lastIndexOf('\\') + 1).toLowerCase();
  return user.includes('@') ? user : `${user}@${demoDomain}`;
}
