import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { readHistory } from '../../src/admin/history.js';
import { renewRouteKey } from '../../src/admin/renew-route-key.js';
import { refusal } from '../support/refusal.js';
import { apply, exported, meta, scratchStore, storePath } from '../support/scratch-store.js';

const renewed = { noun: 'organization', name: 'route key', change: 'updated' };

describe('the keys of route cookies', () => {
  test('are one in a new store, and the newest two after it was renewed', () => {
    const store = scratchStore();
    const [first, ...none] = store.routeKeys();
    expect(none).toEqual([]);
    expect(renewRouteKey(store, meta, {})).toEqual({ revision: 1, changed: [renewed], warnings: [] });
    const [second, ...older] = store.routeKeys();
    expect(older).toEqual([first]);
    expect(second).toHaveLength(32);
    expect(second).not.toEqual(first);
    renewRouteKey(store, meta, {});
    const [third, ...last] = store.routeKeys();
    expect(last).toEqual([second]);
    expect(third).not.toEqual(second);
  });

  test('stand in no export and in no history', () => {
    const path = storePath();
    const store = scratchStore(path);
    apply(store, 'estate: 1\nsites: [{name: A}]');
    const before = exported(store);
    renewRouteKey(store, meta, {});
    renewRouteKey(store, meta, {});
    expect(exported(store)).toEqual(before);
    expect(store.at(1).objects).toEqual(store.topology().objects);
    expect(readHistory(store, 10)).toMatchObject([
      { revision: 3, actor: 'ann', message: 'because', summary: 'updated organization "route key"' },
      { revision: 2, summary: 'updated organization "route key"' },
      { revision: 1, summary: 'created site "A"' },
    ]);
    const database = new Database(path, { readonly: true });
    const rows = JSON.stringify(database.prepare("SELECT * FROM change WHERE noun = 'organization'").all());
    const held = database.prepare('SELECT count(*) FROM route_key').pluck().get();
    database.close();
    expect(held).toBe(2);
    expect(rows).toContain('madeAt');
    for (const key of store.routeKeys()) expect(rows.toLowerCase()).not.toContain(key.toString('hex'));
  });

  test('are renewed for every connection at once, as a new revision', () => {
    const path = storePath();
    const store = scratchStore(path);
    const runtime = scratchStore(path, { purpose: 'runtime' });
    expect(runtime.routeKeys()).toEqual(store.routeKeys());
    const [version, revision] = [runtime.dataVersion(), runtime.revision()];
    renewRouteKey(store, meta, {});
    expect(runtime.dataVersion()).not.toBe(version);
    expect(runtime.revision()).toBe(revision + 1);
    expect(runtime.routeKeys()).toEqual(store.routeKeys());
  });

  test('stay as they are by a dry run, or when another revision came between', () => {
    const store = scratchStore();
    const keys = store.routeKeys();
    expect(renewRouteKey(store, meta, { dryRun: true })).toEqual({ revision: null, changed: [renewed], warnings: [] });
    expect(refusal(() => renewRouteKey(store, meta, { expectRevision: 7 })).code).toBe('revision-conflict');
    expect(store.routeKeys()).toEqual(keys);
    expect(store.revision()).toBe(0);
  });
});
