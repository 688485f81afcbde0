import { join } from 'node:path';
import { afterEach } from 'vitest';
import { applyEstate } from '../../src/admin/apply.js';
import type { ChangeResult } from '../../src/admin/change-estate.js';
import { exportEstate } from '../../src/admin/export.js';
import type { ChangeMeta } from '../../src/store/change.js';
import type { OpenOptions } from '../../src/store/open-database.js';
import type { Store } from '../../src/store/store.js';
import { openStore } from '../../src/store/store.js';
import type { EstateDocument } from './estate-arbitrary.js';
import { tempDir } from './temp-dir.js';

const opened = new Set<Store>();

afterEach(() => {
  for (const store of opened) store.close();
  opened.clear();
});

/** A new path for a store in a folder of its own. */
export const storePath = (): string => join(tempDir('store'), 'usher.db');

/** Opens a store that is closed after the test at the latest; a new one in memory unless a path is given. */
export function scratchStore(path = ':memory:', options: OpenOptions = { purpose: 'write' }): Store {
  const store = openStore(path, options);
  opened.add(store);
  return store;
}

/** Who the tests are in the history. */
export const meta: ChangeMeta = { actor: 'ann', command: 'usher test', message: 'because' };

/** Applies an estate: a document, or the text of a file called `estate.yaml`. */
export function apply(store: Store, estate: EstateDocument | string, prune = false): ChangeResult {
  const text = typeof estate === 'string' ? estate : JSON.stringify(estate);
  return applyEstate(store, { text, fileName: 'estate.yaml', prune }, meta, {});
}

/** The whole estate in the form of the file. */
export const exported = (store: Store): EstateDocument => exportEstate(store).document;
