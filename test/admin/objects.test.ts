import { describe, expect, test } from 'vitest';
import type { ChangeOptions } from '../../src/admin/change-estate.js';
import { createObject, deleteObject, updateObject } from '../../src/admin/objects.js';
import { listObjects, showObject } from '../../src/admin/read-objects.js';
import type { UsherError } from '../../src/errors.js';
import type { Store } from '../../src/store/store.js';
import type { EstateObject } from '../../src/topology/catalogue/catalogue.js';
import { catalogue, nouns } from '../../src/topology/catalogue/catalogue.js';
import type { NounName } from '../../src/topology/fields.js';
import { refusal } from '../support/refusal.js';
import { apply, exported, meta, scratchStore } from '../support/scratch-store.js';

const estate = `estate: 1
organization: {arbitrationDatabase: DB2}
sites: [{name: Wien}, {name: Graz}, {name: Linz}]
links: [{name: WG, sites: [Wien, Graz]}]
dags: [{name: DAG1}, {name: DAG2}]
servers:
  - {name: MBX1, site: Wien, dag: DAG1, roles: [mailbox, frontend]}
  - {name: MBX2, site: Wien, dag: DAG1, roles: [mailbox, frontend]}
  - {name: FE1, site: Wien, roles: [frontend]}
  - {name: FE2, site: Wien, roles: [frontend]}
  - {name: HUB1, site: Wien, roles: [frontend]}
  - {name: EXP1, site: Wien, roles: [frontend]}
  - {name: SPARE, site: Wien, roles: [frontend]}
  - {name: DAV1, site: Graz, components: [{component: dav, requester: health, state: draining}]}
  - {name: DAV2, site: Graz, roles: [frontend], components: [{component: dav-proxy, requester: health, state: active}]}
databases: [{name: DB1, copies: [MBX1, MBX2]}, {name: DB2, copies: [MBX1]}, {name: DB3, copies: [MBX1]}]
mailboxes:
  - {address: ann@contoso.com, database: DB1}
  - {address: bob@contoso.com, database: DB1}
  - {address: eve@contoso.com, database: DB3, dialPlan: DP3}
groups: [{address: all@contoso.com, expansionServer: EXP1}]
sendConnectors: [{name: Internet, sources: [HUB1], certificate: C4}]
certificates: [{name: C1, certFile: /c, keyFile: /k}, {name: C2, certFile: /c, keyFile: /k}, {name: C3, certFile: /c, keyFile: /k}, {name: C4, certFile: /c, keyFile: /k}]
receiveConnectors: [{name: Default, server: FE1, certificate: C1}]
listeners: [{name: IMAP, protocol: imap, bind: "0.0.0.0:143", server: FE2, certificate: C2}]
httpServices: [{name: dav, path: /dav}, {name: cal, path: /cal}]
callGateways: [{name: GW1, address: 10.0.0.1}, {name: GW2, address: 10.0.0.2}]
dialPlans: [{name: DP1}, {name: DP2}, {name: DP3}]
huntGroups: [{name: HG1, gateway: GW1, dialPlan: DP1, pilot: "5000"}]
`;

function filled(): Store {
  const store = scratchStore();
  apply(store, estate);
  return store;
}

const create = (
  store: Store,
  noun: NounName,
  name: string,
  given: EstateObject = {},
  options: ChangeOptions & { ifMissing?: boolean } = {},
) => createObject(store, { noun: catalogue[noun], name, given }, meta, options);
const update = (store: Store, noun: NounName, name: string, given: EstateObject, options: ChangeOptions = {}) =>
  updateObject(store, { noun: catalogue[noun], name, given }, meta, options);
const remove = (store: Store, noun: NounName, name: string, options: ChangeOptions & { ifExists?: boolean } = {}) =>
  deleteObject(store, catalogue[noun], name, meta, options);

/** How a change is refused, which then has changed nothing. */
function refusedBy(store: Store, work: () => unknown): UsherError {
  const before = exported(store);
  const error = refusal(work);
  expect(exported(store)).toEqual(before);
  return error;
}

describe('create', () => {
  test('makes an object with its defaults, in one revision', () => {
    const store = filled();
    expect(create(store, 'site', 'Salzburg', { hub: true })).toMatchObject({
      revision: 2,
      changed: [{ noun: 'site', name: 'Salzburg', change: 'created' }],
    });
    expect(showObject(store, catalogue.site, 'salzburg')).toEqual({
      name: 'Salzburg',
      hub: true,
      acceptInbound: true,
      services: {},
    });
    create(store, 'mailbox', 'New@contoso.com', { database: 'db1' });
    expect(showObject(store, catalogue.mailbox, 'new@CONTOSO.com')).toMatchObject({
      address: 'New@contoso.com',
      database: 'DB1',
      aliases: [],
    });
  });

  test('of what is there is a conflict, or leaves it alone', () => {
    const store = filled();
    const error = refusedBy(store, () => create(store, 'site', 'WIEN', { hub: true }));
    expect([error.kind, error.code, error.exitCode]).toEqual(['conflict', 'exists', 4]);
    expect(error.message).toBe('site "Wien" is there already; change it with "usher site update", or add --if-missing');
    expect(create(store, 'site', 'WIEN', { hub: true }, { ifMissing: true })).toEqual({
      revision: 1,
      changed: [],
      warnings: [],
    });
    expect(create(store, 'mailbox', 'ANN@contoso.com', { database: 'DB2' }, { ifMissing: true }).changed).toEqual([]);
    expect(create(store, 'site', 'Neu', {}, { ifMissing: true }).changed).toHaveLength(1);
  });

  test.each<[NounName, string, EstateObject, string]>([
    ['server', 'S', {}, 'server "S": site: is required'],
    ['server', 'S', { site: 'Wein' }, 'server "S": site: there is no site "Wein" (did you mean "Wien"?)'],
    ['server', 'S', { site: 'Wien', sitte: 1 }, 'server "S": sitte: unknown key "sitte" (did you mean "site"?)'],
    [
      'mailbox',
      'x@y.com',
      { database: 'DB9' },
      'mailbox "x@y.com": database: there is no database "DB9" (did you mean "DB1"?)',
    ],
    [
      'mailbox',
      'no address',
      { database: 'DB1' },
      'mailbox "no address": address: expected a mail address (ann@contoso.com), found "no address"',
    ],
    ['site', ' outer', {}, 'site " outer": name: expected a name of 1 to 64 characters'],
    ['site', 'x'.repeat(600), {}, 'name: expected a name of 1 to 64 characters'],
    ['database', 'DB', { copies: ['FE1'] }, 'database "DB": copies[0]: FE1 is no mailbox server'],
    [
      'listener',
      'L',
      { protocol: 'imap', bind: '0.0.0.0:143' },
      'listener "L": bind: 0.0.0.0:143 is the door of listener "IMAP"',
    ],
  ])('refuses %s %s %j', (noun, name, given, message) => {
    const store = filled();
    const error = refusedBy(store, () => create(store, noun, name, given));
    expect([error.kind, error.exitCode]).toEqual(['invalid', 2]);
    expect(error.message).toContain(message);
  });

  test.each<[NounName, string, EstateObject, string]>([
    [
      'mailbox',
      'all@contoso.com',
      { database: 'DB1' },
      'the address "all@contoso.com" belongs to group "all@contoso.com" already',
    ],
    [
      'contact',
      'ANN@contoso.com',
      { target: 'x@y.com' },
      'the address "ANN@contoso.com" belongs to mailbox "ann@contoso.com" already',
    ],
    [
      'mailbox',
      'x@contoso.com',
      { database: 'DB1', aliases: ['bob@contoso.com'] },
      'belongs to mailbox "bob@contoso.com" already',
    ],
  ])('of an address that is taken is a conflict: %s %s', (noun, name, given, message) => {
    const store = filled();
    const error = refusedBy(store, () => create(store, noun, name, given));
    expect([error.kind, error.code, error.exitCode]).toEqual(['conflict', 'address-taken', 4]);
    expect(error.message).toContain(message);
  });
});

describe('update', () => {
  test('changes what is given and nothing else, whatever the case of the name', () => {
    const store = filled();
    const before = showObject(store, catalogue.server, 'MBX1');
    update(store, 'server', 'mbx1', { endpoints: { smtp: { port: 26 } }, dag: 'dag1' });
    expect(showObject(store, catalogue.server, 'MBX1')).toEqual({
      ...before,
      endpoints: { ...(before['endpoints'] as object), smtp: 26 },
    });
    expect(update(store, 'server', 'MBX1', { dag: 'DAG1' })).toMatchObject({ revision: 2, changed: [] });
  });

  test.each<[NounName, string, string, string[]]>([
    ['server', 'MBX3', 'there is no server "MBX3" (did you mean "MBX1"?)', ['MBX1']],
    ['site', 'Wein', 'there is no site "Wein" (did you mean "Wien"?)', ['Wien']],
    ['site', 'Innsbruck', 'there is no site "Innsbruck"; see "usher site list"', []],
    ['mailbox', 'nobody@contoso.com', 'there is no mailbox "nobody@contoso.com"; see "usher mailbox list"', []],
  ])('of %s %s that is not there', (noun, name, message, suggestions) => {
    const store = filled();
    const error = refusedBy(store, () => update(store, noun, name, {}));
    expect([error.kind, error.code, error.exitCode, error.message, error.suggestions]).toEqual([
      'missing',
      'not-found',
      3,
      message,
      suggestions,
    ]);
  });

  test('refuses what would be wrong with other objects', () => {
    const store = filled();
    const error = refusedBy(store, () => update(store, 'server', 'MBX2', { dag: 'DAG2' }));
    expect(error.message).toBe(
      'database "DB1": copies[1]: MBX2 is in DAG2, MBX1 in DAG1; all copies must be in one DAG',
    );
  });

  test('keeps to a dry run and an expected revision', () => {
    const store = filled();
    expect(update(store, 'site', 'Wien', { hub: true }, { dryRun: true })).toMatchObject({
      revision: null,
      changed: [{ change: 'updated' }],
    });
    expect(showObject(store, catalogue.site, 'Wien')).toMatchObject({ hub: false });
    expect(refusedBy(store, () => update(store, 'site', 'Wien', { hub: true }, { expectRevision: 0 })).code).toBe(
      'revision-conflict',
    );
  });
});

describe('delete', () => {
  test.each<[NounName, string, string]>([
    [
      'site',
      'wien',
      'site "Wien" is in use by link "WG", server "EXP1", server "FE1", server "FE2", server "HUB1", server "MBX1", server "MBX2", server "SPARE"',
    ],
    ['site', 'Graz', 'site "Graz" is in use by link "WG", server "DAV1", server "DAV2"'],
    ['http-service', 'DAV', 'http-service "dav" is in use by server "DAV1", server "DAV2"'],
    ['dag', 'DAG1', 'dag "DAG1" is in use by server "MBX1", server "MBX2"'],
    ['server', 'MBX1', 'server "MBX1" is in use by database "DB1", database "DB2", database "DB3"'],
    ['server', 'MBX2', 'server "MBX2" is in use by database "DB1"'],
    ['server', 'FE1', 'server "FE1" is in use by receive-connector "Default"'],
    ['server', 'FE2', 'server "FE2" is in use by listener "IMAP"'],
    ['server', 'HUB1', 'server "HUB1" is in use by send-connector "Internet"'],
    ['server', 'EXP1', 'server "EXP1" is in use by group "all@contoso.com"'],
    ['database', 'DB1', 'database "DB1" is in use by 2 mailboxes (move them with "usher mailbox move")'],
    ['database', 'DB3', 'database "DB3" is in use by 1 mailbox (move them with "usher mailbox move")'],
    ['database', 'DB2', 'database "DB2" is in use by organization'],
    ['certificate', 'C1', 'certificate "C1" is in use by receive-connector "Default"'],
    ['certificate', 'C2', 'certificate "C2" is in use by listener "IMAP"'],
    ['certificate', 'C4', 'certificate "C4" is in use by send-connector "Internet"'],
    ['gateway', 'GW1', 'gateway "GW1" is in use by hunt-group "HG1"'],
    ['dial-plan', 'DP1', 'dial-plan "DP1" is in use by hunt-group "HG1"'],
    ['dial-plan', 'DP3', 'dial-plan "DP3" is in use by 1 mailbox'],
  ])('of %s %s that is used names what uses it', (noun, name, message) => {
    const store = filled();
    const error = refusedBy(store, () => remove(store, noun, name));
    expect([error.kind, error.code, error.exitCode, error.message]).toEqual(['conflict', 'in-use', 4, message]);
    expect(error.suggestions.length).toBeGreaterThan(0);
  });

  test('of what many use names ten of them', () => {
    const store = filled();
    apply(store, {
      estate: 1,
      links: Array.from({ length: 20 }, (_, index) => ({ name: `L${index}`, sites: ['Wien', 'Linz'] })),
    });
    const { message } = refusedBy(store, () => remove(store, 'site', 'Linz'));
    expect(message.match(/link "L/g)).toHaveLength(10);
    expect(message).toMatch(/ and 10 more$/);
  });

  test.each<[NounName, string]>([
    ['link', 'wg'],
    ['dag', 'DAG2'],
    ['server', 'spare'],
    ['mailbox', 'BOB@contoso.com'],
    ['group', 'all@contoso.com'],
    ['send-connector', 'Internet'],
    ['receive-connector', 'Default'],
    ['listener', 'imap'],
    ['certificate', 'C3'],
    ['http-service', 'cal'],
    ['gateway', 'GW2'],
    ['dial-plan', 'DP2'],
    ['hunt-group', 'HG1'],
  ])('of %s %s that nothing uses', (noun, name) => {
    const store = filled();
    const count = store.list(catalogue[noun]).length;
    expect(remove(store, noun, name)).toMatchObject({ revision: 2, changed: [{ noun, change: 'deleted' }] });
    expect(store.list(catalogue[noun])).toHaveLength(count - 1);
    const again = refusedBy(store, () => remove(store, noun, name));
    expect([again.kind, again.exitCode]).toEqual(['missing', 3]);
    expect(remove(store, noun, name, { ifExists: true })).toEqual({ revision: 2, changed: [], warnings: [] });
  });

  test('every kind of reference is one of those that are tried here', () => {
    const pairs = nouns.flatMap((noun) =>
      Object.values(noun.fields).flatMap(({ type }) => {
        const item = type.kind === 'list' ? type.item : type;
        return item.kind === 'reference' ? [`${item.to} by ${noun.name}`] : [];
      }),
    );
    expect([...new Set(pairs)].sort()).toEqual([
      'certificate by listener',
      'certificate by receive-connector',
      'certificate by send-connector',
      'dag by server',
      'database by mailbox',
      'database by organization',
      'dial-plan by hunt-group',
      'dial-plan by mailbox',
      'gateway by hunt-group',
      'server by database',
      'server by group',
      'server by listener',
      'server by receive-connector',
      'server by send-connector',
      'site by link',
      'site by server',
    ]);
  });
});

test('list is every object in the form of the estate file, by name', () => {
  const store = filled();
  expect(listObjects(store, catalogue.site).map(({ name }) => name)).toEqual(['Graz', 'Linz', 'Wien']);
  expect(listObjects(store, catalogue['receive-connector'])).toEqual(
    (exported(store)['receiveConnectors'] as unknown[]) ?? [],
  );
  expect(listObjects(store, catalogue.mailbox).map(({ address }) => address)).toEqual([
    'ann@contoso.com',
    'bob@contoso.com',
    'eve@contoso.com',
  ]);
});
