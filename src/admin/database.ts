import { UsherError } from '../errors.js';
import type { Database } from '../topology/catalogue/catalogue.js';
import { nameKey } from '../topology/names.js';
import type { ChangeMeta, ChangeOptions, ChangeResult, Store } from './change-estate.js';
import { changeEstate } from './change-estate.js';
import { nounOf, requireObject } from './read-objects.js';

/** Makes the copy of a database on a server the active one. */
export function activateDatabase(
  store: Store,
  name: string,
  server: string,
  meta: ChangeMeta,
  options: ChangeOptions,
): ChangeResult {
  return changeEstate(store, meta, options, (transaction) => {
    const database = requireObject(transaction, nounOf('database'), name) as unknown as Database;
    const active = database.copies.find((copy) => nameKey(copy) === nameKey(server));
    if (active === undefined) {
      const message = `database "${database.name}" has no copy on "${server}"; its copies are on ${database.copies.join(', ')}`;
      throw new UsherError('invalid', 'no-copy', message, database.copies);
    }
    transaction.write(nounOf('database'), { ...database, active });
  });
}
