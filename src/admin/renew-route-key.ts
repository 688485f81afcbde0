import type { ChangeMeta, ChangeOptions, ChangeResult, Store } from './change-estate.js';
import { changeEstate } from './change-estate.js';

/** Makes a new key that signs route cookies from now on; the one before it still verifies, older ones are forgotten. */
export function renewRouteKey(store: Store, meta: ChangeMeta, options: ChangeOptions): ChangeResult {
  return changeEstate(store, meta, options, (transaction) => transaction.renewRouteKey());
}
