import { UsherError } from '../errors.js';
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
    const databases = namesIn(transaction)('database');
    const database = databases.get(nameKey(target));
    if (database === undefined) {
      const known = [...databases.values()].slice(0, 8);
      throw new UsherError(
        'invalid',
        'dangling-reference',
        `there is no database "${target}"; known: ${known.join(', ')}`,
        known,
      );
    }
    for (const address of addresses) {
      const mailbox = requireObject(transaction, nounOf('mailbox'), address);
      transaction.write(nounOf('mailbox'), { ...mailbox, database });
    }
  });
}
