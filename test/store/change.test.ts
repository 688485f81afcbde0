import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.js';
import { catalogue } from '../../src/topology/catalogue/catalogue.js';
import { refusal } from '../support/refusal.js';
import { apply, exported, meta, scratchStore, storePath } from '../support/scratch-store.js';

const site = (name: string, hub = false) => ({ name, hub, acceptInbound: true, services: {} });

/** Writes a site, as one change. */
const writeSite = (store: Store, name: string, hub = false) =>
  store.change(meta, {}, (transaction) => transaction.write(catalogue.site, site(name, hub)));

/** The change rows as they lie in the file. */
function changeRows(path: string): unknown[] {
  const database = new Database(path, { readonly: true });
  const rows = database
    .prepare('SELECT noun, name, revision, before, after FROM change ORDER BY revision, noun, name')
    .raw()
    .all();
  database.close();
  return rows;
}

describe('a change', () => {
  test('is one revision with who, when, command and why', () => {
    const store = scratchStore(storePath());
    expect(store.revision()).toBe(0);
    const before = new Date().toISOString();
    expect(writeSite(store, 'A')).toEqual({
      revision: 1,
      changed: [{ noun: 'site', name: 'A', change: 'created' }],
      result: true,
    });
    const [entry, ...others] = store.history();
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      revision: 1,
      actor: 'ann',
      command: 'usher test',
      message: 'because',
      changedCount: 1,
    });
    expect(entry && entry.at >= before && entry.at <= new Date().toISOString()).toBe(true);
  });

  test('keeps each object as it was before and after', () => {
    const path = storePath();
    const store = scratchStore(path);
    writeSite(store, 'A');
    writeSite(store, 'A', true);
    store.change(meta, {}, (transaction) => transaction.remove(catalogue.site, 'a'));
    const json = (hub: boolean) => JSON.stringify(site('A', hub));
    expect(changeRows(path)).toEqual([
      ['site', 'A', 1, null, json(false)],
      ['site', 'A', 2, json(false), json(true)],
      ['site', 'A', 3, json(true), null],
    ]);
    expect(store.history().map(({ changed }) => changed[0]?.change)).toEqual(['deleted', 'updated', 'created']);
  });

  test('of several objects is one revision; the newest comes first and twenty objects are named', () => {
    const store = scratchStore();
    store.change(meta, {}, (transaction) => {
      for (let index = 0; index < 30; index++) transaction.write(catalogue.site, site(`S${index}`));
    });
    writeSite(store, 'A');
    expect(
      store.history().map(({ revision, changedCount, changed }) => [revision, changedCount, changed.length]),
    ).toEqual([
      [2, 1, 1],
      [1, 30, 20],
    ]);
    expect(store.history(1).map(({ revision }) => revision)).toEqual([2]);
  });

  test('that writes what is there makes no revision', () => {
    const store = scratchStore();
    writeSite(store, 'A');
    expect(writeSite(store, 'A')).toEqual({ revision: 1, changed: [], result: false });
    expect(store.change(meta, {}, (transaction) => transaction.remove(catalogue.site, 'B'))).toMatchObject({
      revision: 1,
      result: false,
    });
    expect(store.history()).toHaveLength(1);
  });

  test('sees what it has written', () => {
    const store = scratchStore();
    store.change(meta, {}, (transaction) => {
      transaction.write(catalogue.site, site('A'));
      expect(transaction.find(catalogue.site, 'a')).toEqual(site('A'));
      expect(transaction.list(catalogue.site)).toHaveLength(1);
      expect(transaction.topology().objects.sites).toHaveLength(1);
      expect(transaction.changed()).toEqual([{ noun: 'site', name: 'A', change: 'created' }]);
    });
  });
});

describe('an object that is changed several times within one change', () => {
  const steps = (
    store: Store,
    ...work: readonly ((transaction: Parameters<Parameters<Store['change']>[2]>[0]) => unknown)[]
  ) =>
    store.change(meta, {}, (transaction) => {
      for (const step of work) step(transaction);
    });
  const put = (hub: boolean) => (transaction: { write(noun: typeof catalogue.site, object: object): unknown }) =>
    transaction.write(catalogue.site, site('A', hub));
  const remove = (transaction: { remove(noun: typeof catalogue.site, name: string): unknown }) =>
    transaction.remove(catalogue.site, 'A');

  test('is one row: as it was before, and as it is after', () => {
    const path = storePath();
    const store = scratchStore(path);
    expect(steps(store, put(false), put(true)).changed).toEqual([{ noun: 'site', name: 'A', change: 'created' }]);
    expect(steps(store, remove, put(false)).changed).toEqual([{ noun: 'site', name: 'A', change: 'updated' }]);
    expect(changeRows(path)).toEqual([
      ['site', 'A', 1, null, JSON.stringify(site('A', true))],
      ['site', 'A', 2, JSON.stringify(site('A', true)), JSON.stringify(site('A', false))],
    ]);
  });

  test('and comes out as it went in has not changed', () => {
    const store = scratchStore();
    expect(steps(store, put(false), remove)).toMatchObject({ revision: 0, changed: [] });
    writeSite(store, 'A');
    expect(steps(store, put(true), put(false))).toMatchObject({ revision: 1, changed: [] });
    expect(steps(store, remove, put(false))).toMatchObject({ revision: 1, changed: [] });
    expect(steps(store, put(true), put(false), put(true))).toMatchObject({
      revision: 2,
      changed: [{ change: 'updated' }],
    });
    expect(store.history()).toHaveLength(2);
  });
});

describe('nothing is written', () => {
  test('when the edit throws, and the error is the one thrown', () => {
    const store = scratchStore();
    writeSite(store, 'A');
    const fault = new Error('a fault');
    const edit = () =>
      store.change(meta, {}, (transaction) => {
        transaction.write(catalogue.site, site('B'));
        transaction.remove(catalogue.site, 'A');
        throw fault;
      });
    expect(edit).toThrow(fault);
    expect(store.list(catalogue.site)).toEqual([site('A')]);
    expect(store.revision()).toBe(1);
    expect(writeSite(store, 'C').revision).toBe(2);
  });

  test('and a fault of the program is not called a fault of the store', () => {
    const store = scratchStore();
    const fault = () => store.change(meta, {}, () => Buffer.alloc(-1));
    expect(fault).toThrow(RangeError);
  });

  test('by a dry run, which says what would change', () => {
    const store = scratchStore();
    writeSite(store, 'A');
    const before = exported(store);
    const change = store.change(meta, { dryRun: true }, (transaction) => transaction.write(catalogue.site, site('B')));
    expect(change).toEqual({ revision: null, changed: [{ noun: 'site', name: 'B', change: 'created' }], result: true });
    expect(exported(store)).toEqual(before);
    expect(store.history()).toHaveLength(1);
  });

  test('when another revision came between', () => {
    const store = scratchStore();
    writeSite(store, 'A');
    writeSite(store, 'B');
    const error = refusal(() =>
      store.change(meta, { expectRevision: 1 }, (transaction) => transaction.write(catalogue.site, site('C'))),
    );
    expect([error.kind, error.code, error.exitCode]).toEqual(['conflict', 'revision-conflict', 4]);
    expect(error.message).toContain('revision 1 was expected, the store is at 2');
    expect(store.list(catalogue.site)).toHaveLength(2);
    expect(
      store.change(meta, { expectRevision: 2 }, (transaction) => transaction.write(catalogue.site, site('C'))).revision,
    ).toBe(3);
  });

  test('when rows would refer to what is not there', () => {
    const store = scratchStore();
    apply(store, 'estate: 1\nsites: [{name: A}]\nservers: [{name: M, site: A}]');
    const error = refusal(() => store.change(meta, {}, (transaction) => transaction.remove(catalogue.site, 'A')));
    expect(error.kind).toBe('store');
    expect(error.message).toContain('FOREIGN KEY');
    expect(store.list(catalogue.site)).toHaveLength(1);
  });

  test('by a reader', () => {
    const path = storePath();
    writeSite(scratchStore(path), 'A');
    const error = refusal(() => writeSite(scratchStore(path, { purpose: 'read' }), 'B'));
    expect([error.code, error.exitCode]).toEqual(['store-read-only', 5]);
  });
});

describe('another connection', () => {
  test('sees a change when it is committed, and that there was one', () => {
    const path = storePath();
    const writer = scratchStore(path);
    const runtime = scratchStore(path, { purpose: 'runtime' });
    const version = runtime.dataVersion();
    writeSite(writer, 'A');
    expect(runtime.dataVersion()).not.toBe(version);
    expect(runtime.topology()).toMatchObject({ revision: 1, objects: { sites: [{ name: 'A' }] } });
  });

  test('reads several things as they were at one moment', () => {
    const path = storePath();
    const writer = scratchStore(path);
    const reader = scratchStore(path, { purpose: 'read' });
    writeSite(writer, 'A');
    const seen = reader.atOneMoment(() => {
      const first = reader.revision();
      writeSite(writer, 'B');
      return [first, reader.revision(), reader.list(catalogue.site).length];
    });
    expect(seen).toEqual([1, 1, 1]);
    expect(reader.revision()).toBe(2);
  });
});
