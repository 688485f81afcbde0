import { describe, expect, test } from 'vitest';
import { activateDatabase } from '../../src/admin/database.js';
import { readHistory } from '../../src/admin/history.js';
import { firstEstate, initDefaults, initEstate } from '../../src/admin/init.js';
import { moveMailboxes } from '../../src/admin/mailbox.js';
import type { Store } from '../../src/store/store.js';
import { catalogue } from '../../src/topology/catalogue/catalogue.js';
import { refusal } from '../support/refusal.js';
import { apply, exported, meta, scratchStore } from '../support/scratch-store.js';

const estate = `estate: 1
sites: [{name: A}]
dags: [{name: D}]
servers: [{name: MBX1, site: A, dag: D, roles: [mailbox, frontend]}, {name: MBX2, site: A, dag: D}, {name: MBX3, site: A, dag: D}]
databases: [{name: DB1, copies: [MBX1, MBX2]}, {name: DB2, copies: [MBX2]}]
mailboxes: [{address: ann@x.com, database: DB1, aliases: [a@x.com]}, {address: bob@x.com, database: DB1}, {address: eve@x.com, database: DB2}]
`;

function filled(): Store {
  const store = scratchStore();
  apply(store, estate);
  return store;
}

const databaseOf = (store: Store, address: string): unknown => store.find(catalogue.mailbox, address)?.['database'];

describe('the active copy of a database', () => {
  test('moves to a server that has one, whatever the case', () => {
    const store = filled();
    expect(activateDatabase(store, 'db1', 'mbx2', meta, {})).toMatchObject({
      revision: 2,
      changed: [{ noun: 'database', name: 'DB1', change: 'updated' }],
    });
    expect(store.find(catalogue.database, 'DB1')).toMatchObject({ active: 'MBX2', copies: ['MBX1', 'MBX2'] });
    expect(activateDatabase(store, 'DB1', 'MBX2', meta, {})).toMatchObject({ revision: 2, changed: [] });
  });

  test('does not move to a server without one, nor of a database that is not there', () => {
    const store = filled();
    const error = refusal(() => activateDatabase(store, 'db1', 'MBX3', meta, {}));
    expect([error.kind, error.code, error.exitCode]).toEqual(['invalid', 'no-copy', 2]);
    expect(error.message).toBe('database "DB1" has no copy on "MBX3"; its copies are on MBX1, MBX2');
    const missing = refusal(() => activateDatabase(store, 'DB3', 'MBX1', meta, {}));
    expect([missing.kind, missing.suggestions]).toEqual(['missing', ['DB1']]);
    expect(store.revision()).toBe(1);
  });
});

describe('mailboxes', () => {
  test('move all in one revision, and are found there at once', () => {
    const store = filled();
    const { revision, changed } = moveMailboxes(
      store,
      ['ANN@x.com', 'bob@x.com', 'ann@x.com', 'eve@x.com'],
      'db2',
      meta,
      {},
    );
    expect([revision, changed.map(({ name }) => name)]).toEqual([2, ['ann@x.com', 'bob@x.com']]);
    expect(store.directory.find('a@x.com')).toMatchObject({ database: 'DB2' });
    expect(store.countMailboxes('DB2')).toBe(3);
  });

  test('move not at all when one is not there, or the database is not', () => {
    const store = filled();
    const missing = refusal(() => moveMailboxes(store, ['ann@x.com', 'nobody@x.com'], 'DB2', meta, {}));
    expect([missing.kind, missing.exitCode]).toEqual(['missing', 3]);
    const dangling = refusal(() => moveMailboxes(store, ['ann@x.com'], 'DB3', meta, {}));
    expect([dangling.kind, dangling.exitCode]).toEqual(['invalid', 2]);
    expect(dangling.message).toContain('there is no database "DB3"');
    expect(databaseOf(store, 'ann@x.com')).toBe('DB1');
    expect(store.revision()).toBe(1);
  });
});

describe('init', () => {
  const answers = { site: 'HQ', frontEnd: 'FE1', host: 'mail.contoso.com', domain: 'contoso.com', submissions: true };

  test('makes a first estate without errors or warnings', () => {
    const store = scratchStore();
    const { revision, warnings } = initEstate(store, answers, meta, {});
    expect([revision, warnings]).toEqual([1, []]);
    expect(exported(store)).toMatchObject({
      organization: { defaultDomain: 'contoso.com' },
      sites: [{ name: 'HQ' }],
      servers: [{ name: 'FE1', host: 'mail.contoso.com', roles: ['frontend'] }],
      domains: [{ name: 'contoso.com', type: 'authoritative' }],
    });
    expect(store.list(catalogue.listener)).toHaveLength(6);
    expect(store.list(catalogue['receive-connector']).map(({ name }) => name)).toContain('Client Frontend TLS');
  });

  test('fits what it offers by itself, and without a domain', () => {
    const store = scratchStore();
    initEstate(store, { ...initDefaults(), domain: undefined }, meta, {});
    expect(store.list(catalogue.domain)).toEqual([]);
    expect(Object.keys(firstEstate({ ...answers, domain: undefined }))).not.toContain('organization');
  });

  test('refuses a store that holds an estate, and answers that do not fit', () => {
    const store = scratchStore();
    expect(refusal(() => initEstate(store, { ...answers, site: '' }, meta, {})).kind).toBe('invalid');
    expect(store.revision()).toBe(0);
    initEstate(store, answers, meta, {});
    const error = refusal(() => initEstate(store, answers, meta, {}));
    expect([error.kind, error.code, error.exitCode]).toEqual(['conflict', 'exists', 4]);
    expect(store.revision()).toBe(1);
  });
});

test('the history says in words what was changed, newest first', () => {
  const store = filled();
  moveMailboxes(store, ['ann@x.com'], 'DB2', { actor: 'eve', command: 'mailbox move', message: null }, {});
  apply(store, 'estate: 1\nsites: [{name: A}]', true);
  const [third, second, first] = readHistory(store, 10);
  expect(second).toMatchObject({
    revision: 2,
    actor: 'eve',
    command: 'mailbox move',
    message: null,
    summary: 'updated mailbox "ann@x.com"',
  });
  expect(first).toMatchObject({ revision: 1, actor: 'ann', message: 'because' });
  expect(first?.summary).toMatch(/^created .*, created .*, created .*, and 7 more$/);
  expect(third?.summary).toMatch(/^deleted .*, and 6 more$/);
  expect(readHistory(store, 1)).toHaveLength(1);
});
