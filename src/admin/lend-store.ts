import type { Store } from '../store/store.js';
import { openStore } from '../store/store.js';

/** Opens a store, lends it, and closes it. */
export async function lendStore<T>(
  path: string,
  purpose: 'read' | 'write',
  use: (store: Store) => T | Promise<T>,
): Promise<T> {
  const store = openStore(path, { purpose });
  try {
    return await use(store);
  } finally {
    store.close();
  }
}
