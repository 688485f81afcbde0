import { openStore } from '../store/store.js';
import { applyEstate } from './apply.js';
import type { Estate } from './test-routing.js';
import { storedEstate } from './test-routing.js';

/** Asks about the estate of a file alone. */
export function withFileEstate<T>(text: string, fileName: string, ask: (estate: Estate) => T): T {
  const store = openStore(':memory:', { purpose: 'write' });
  try {
    applyEstate(store, { text, fileName, prune: false }, { actor: 'test', command: 'test routing', message: null }, {});
    return ask(storedEstate(store, undefined));
  } finally {
    store.close();
  }
}
