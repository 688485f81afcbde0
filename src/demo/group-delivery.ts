import type { Store } from '../admin/change-estate.js';
import { nounOf } from '../admin/read-objects.js';
import { UsherError } from '../errors.js';
import type { MailStore } from './servers/mail-store.js';
import type { Accounts } from './servers/sign-in.js';

/** Hands mail for groups to the mailboxes of their members. */
export interface GroupDelivery {
  /** What stands for the database of a group: no server's. */
  readonly database: string;
  /** From now on, mail that is stored under the group's address goes to its members at once. */
  watch(group: string): void;
}

const membersMax = 1000;

export function createGroupDelivery(
  store: Store,
  mail: MailStore,
  accounts: Accounts,
  onFault: (error: unknown) => void,
): GroupDelivery {
  const database = '(groups)';
  const watched = new Set<string>();

  const distribute = (group: string): void => {
    const box = mail.open(database, group);
    const { messages } = box;
    if (messages.length === 0) return;
    box.remove(new Set(messages.map(({ uid }) => uid)));
    for (const member of mailboxesIn(store, group)) {
      const account = accounts(member);
      if (!account || account.database === database) continue;
      const mailbox = mail.open(account.database, account.address ?? member);
      for (const { raw } of messages) {
        const outcome = mailbox.append(raw);
        if (outcome.kind !== 'stored') onFault(notDelivered(group, member, outcome.kind));
      }
    }
  };
  return {
    database,
    watch(group) {
      if (watched.has(group)) return;
      watched.add(group);
      mail.open(database, group).watch(() => distribute(group));
    },
  };
}

/** The members of a group that are no groups themselves, and those of the groups among them. */
function mailboxesIn(store: Store, group: string): Set<string> {
  const seen = new Set<string>();
  const found = new Set<string>();
  const waiting = [group];
  for (let address = waiting.pop(); address !== undefined && seen.size < membersMax; address = waiting.pop()) {
    const key = address.toLowerCase();
    if (seen.has(key)) continue;
    seen.add(key);
    const members = store.find(nounOf('group'), address)?.['members'];
    if (Array.isArray(members)) waiting.push(...members.map(String));
    else found.add(key);
  }
  return found;
}

function notDelivered(group: string, member: string, why: string): UsherError {
  return new UsherError('failed', 'not-delivered', `mail for ${group} was not stored for its member ${member}: ${why}`);
}
