import { UsherError } from '../errors.js';
import type { Reader } from '../store/store.js';
import type { EstateObject } from '../topology/catalogue/catalogue.js';
import { objectName } from '../topology/catalogue/catalogue.js';
import { nameKey } from '../topology/names.js';
import type { ChangeMeta, ChangeOptions, ChangeResult, Store } from './change-estate.js';
import { changeEstate } from './change-estate.js';
import { nounOf, requireObject } from './read-objects.js';
import { namesIn } from './write-object.js';

/** Moves mailboxes to another database, all of them or none. */
export function moveMailboxes(
  store: Store,
  addresses: readonly string[],
  target: string,
  meta: ChangeMeta,
  options: ChangeOptions,
): ChangeResult {
  return changeEstate(store, meta, options, (transaction) => {
    const { database, mailboxes } = readMove(transaction, addresses, target);
    for (const mailbox of mailboxes) transaction.write(nounOf('mailbox'), { ...mailbox, database });
  });
}

/** The own addresses of the mailboxes that a move would change; the errors of the move itself. */
export function mailboxesToMove(reader: Reader, addresses: readonly string[], target: string): readonly string[] {
  const { database, mailboxes } = readMove(reader, addresses, target);
  const elsewhere = mailboxes.filter((mailbox) => mailbox['database'] !== database);
  return [...new Set(elsewhere.map((mailbox) => objectName(nounOf('mailbox'), mailbox)))];
}

function readMove(
  reader: Reader,
  addresses: readonly string[],
  target: string,
): { readonly database: string; readonly mailboxes: readonly EstateObject[] } {
  const databases = namesIn(reader)('database');
  const database = databases.get(nameKey(target));
  if (database !== undefined) {
    return { database, mailboxes: addresses.map((address) => requireObject(reader, nounOf('mailbox'), address)) };
  }
  const known = [...databases.values()].slice(0, 8);
  throw new UsherError(
    'invalid',
    'dangling-reference',
    `there is no database "${target}"; known: ${known.join(', ')}`,
    known,
  );
}
