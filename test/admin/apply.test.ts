import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.js';
import { catalogue } from '../../src/topology/catalogue/catalogue.js';
import { refusal } from '../support/refusal.js';
import { apply, exported, scratchStore } from '../support/scratch-store.js';

const base = `estate: 1
organization:
  defaultDomain: contoso.com
sites:
  - name: Wien
  - name: Graz
links:
  - {name: WG, sites: [Wien, Graz], cost: 10}
dags:
  - name: DAG1
servers:
  - {name: MBX1, site: Wien, dag: DAG1, roles: [mailbox, frontend]}
  - {name: MBX2, site: Graz, dag: DAG1, roles: [mailbox, frontend]}
databases:
  - {name: DB1, copies: [MBX1, MBX2]}
mailboxes:
  - {address: ann@contoso.com, database: DB1, aliases: [a.nn@contoso.com], guid: 5b1c9e70-1f6e-4f0e-9a53-0c8d4f7a2b11}
  - {address: bob@contoso.com, database: DB1, extension: "5000"}
groups:
  - {address: all@contoso.com, members: [ann@contoso.com], expansionServer: MBX1}
contacts:
  - {address: ext@contoso.com, target: ext@fabrikam.com}
`;

function baseStore(): Store {
  const store = scratchStore();
  apply(store, base);
  return store;
}

/** How a file put onto the base estate is refused; nothing of it may be applied. */
function refused(file: string, prune = false): string {
  const store = baseStore();
  const before = exported(store);
  const error = refusal(() => apply(store, `estate: 1\nsites: [{name: Neu}]\n${file}`, prune));
  expect([error.kind, error.exitCode]).toEqual(['invalid', 2]);
  expect(exported(store)).toEqual(before);
  expect(store.revision()).toBe(1);
  return error.message;
}

const listed = (store: Store, noun: keyof typeof catalogue): unknown[] =>
  store.list(catalogue[noun]).map((object) => object['name'] ?? object['address']);

describe('a file is refused whole, with its line, path and the nearest name', () => {
  test.each([
    ['an unknown section', 'server: []', 'estate.yaml:3: server: unknown key "server" (did you mean "servers"?)'],
    [
      'an unknown key',
      'dags:\n  - name: D\n    nam: E',
      'estate.yaml:5: dags[0].nam: unknown key "nam" (did you mean "name"?)',
    ],
    [
      'an unknown key within an object',
      'organization:\n  maxRecipient: 5',
      'estate.yaml:4: organization.maxRecipient: unknown key "maxRecipient" (did you mean "maxRecipients"?)',
    ],
    [
      'an unknown key deep down',
      'filters:\n  senders:\n    blockblank: true',
      'estate.yaml:5: filters.senders.blockblank: unknown key "blockblank" (did you mean "blockBlank"?)',
    ],
    [
      'an unknown endpoint',
      'servers:\n  - name: MBX1\n    endpoints:\n      smpt: 25',
      'estate.yaml:6: servers[0].endpoints.smpt: unknown key "smpt" (did you mean "smtp"?)',
    ],
    [
      'an unknown key of an endpoint',
      'servers:\n  - name: MBX1\n    endpoints:\n      smtp: {tsl: none}',
      'estate.yaml:6: servers[0].endpoints.smtp.tsl: unknown key "tsl" (did you mean "tls"?)',
    ],
    [
      'an unknown key with nothing',
      'servers:\n  - name: MBX1\n    rolls:',
      'estate.yaml:5: servers[0].rolls: unknown key "rolls" (did you mean "roles"?)',
    ],
    [
      'a number for text',
      'certificates:\n  - name: C\n    certFile: 5\n    keyFile: /k',
      'estate.yaml:5: certificates[0].certFile: expected a file path, found 5',
    ],
    [
      'text for a number',
      'links:\n  - name: WG\n    cost: ten',
      'estate.yaml:5: links[0].cost: expected a whole number (1 to 99999), found "ten"',
    ],
    [
      'an object for a list',
      'databases:\n  - name: DB1\n    copies: {a: MBX1}',
      'estate.yaml:5: databases[0].copies: expected a list, found {"a":"MBX1"}',
    ],
    [
      'a cost out of range',
      'links:\n  - name: WG\n    cost: 100000',
      'estate.yaml:5: links[0].cost: 100000 is out of range (1 to 99999)',
    ],
    [
      'two servers as active',
      'databases:\n  - name: DB1\n    active: [MBX1, MBX2]',
      'estate.yaml:5: databases[0].active: expected a name',
    ],
    [
      'an active server without a copy',
      'servers: [{name: MBX3, site: Wien}]\ndatabases:\n  - name: DB1\n    active: MBX3',
      'estate.yaml:6: databases[0].active: MBX3 has no copy',
    ],
    [
      'copies across DAGs',
      'servers: [{name: MBX3, site: Wien}]\ndatabases:\n  - name: db1\n    copies: [MBX1, MBX3]',
      'estate.yaml:6: databases[0].copies[1]: MBX3 is in no DAG',
    ],
    [
      'a name of 600 characters',
      `dags:\n  - name: ${'x'.repeat(600)}`,
      'estate.yaml:4: dags[0].name: expected a name of 1 to 64 characters',
    ],
    [
      'a control character in a name',
      'dags:\n  - name: "a\\u001b[2J"',
      'estate.yaml:4: dags[0].name: expected a name of 1 to 64 characters without control characters or outer spaces, found "a\\u001b[2J"',
    ],
    [
      'half a character in a name',
      'dags: []\n"certificates":\n  - {name: "\\ud800", certFile: /c, keyFile: /k}',
      'estate.yaml:5: certificates[0].name: expected a name',
    ],
    ['no site', 'servers:\n  - name: MBX9', 'estate.yaml:4: servers[0].site: is required'],
  ])('%s', (_title, file, message) => expect(refused(file)).toContain(message));

  test.each([
    [
      'servers:\n  - {name: S, site: Wein}',
      'estate.yaml:4: servers[0].site: there is no site "Wein" (did you mean "Wien"?)',
    ],
    [
      'servers:\n  - {name: S, site: Wien, dag: DAG2}',
      'estate.yaml:4: servers[0].dag: there is no dag "DAG2" (did you mean "DAG1"?)',
    ],
    ['links:\n  - {name: L, sites: [Wien, Linz]}', 'estate.yaml:4: links[0].sites[1]: there is no site "Linz"'],
    [
      'databases:\n  - {name: D, copies: [MBX3]}',
      'estate.yaml:4: databases[0].copies[0]: there is no server "MBX3" (did you mean "MBX',
    ],
    [
      'databases:\n  - {name: DB1, active: MBX3}',
      'estate.yaml:4: databases[0].active: there is no server "MBX3" (did you mean "MBX',
    ],
    [
      'organization:\n  arbitrationDatabase: DB7',
      'estate.yaml:4: organization.arbitrationDatabase: there is no database "DB7" (did you mean "DB1"?)',
    ],
    [
      'mailboxes:\n  - {address: x@contoso.com, database: DB7}',
      'estate.yaml:4: mailboxes[0].database: there is no database "DB7" (did you mean "DB1"?)',
    ],
    [
      'groups:\n  - {address: all@contoso.com, expansionServer: MBX3}',
      'estate.yaml:4: groups[0].expansionServer: there is no server "MBX3" (did you mean "MBX',
    ],
    [
      'sendConnectors:\n  - {name: S, sources: [MBX1, X]}',
      'estate.yaml:4: sendConnectors[0].sources[1]: there is no server "X"; known: MBX1, MBX2',
    ],
    [
      'receiveConnectors:\n  - {name: R, server: X}',
      'estate.yaml:4: receiveConnectors[0].server: there is no server "X"',
    ],
    [
      'receiveConnectors:\n  - {name: R, certificate: X}',
      'estate.yaml:4: receiveConnectors[0].certificate: there is no certificate "X"; none has been made yet',
    ],
    [
      'listeners:\n  - {name: L, protocol: imap, bind: "0.0.0.0:143", server: X}',
      'estate.yaml:4: listeners[0].server: there is no server "X"',
    ],
    [
      'listeners:\n  - {name: L, protocol: imap, bind: "0.0.0.0:143", certificate: X}',
      'estate.yaml:4: listeners[0].certificate: there is no certificate "X"',
    ],
    [
      'callGateways: [{name: G, address: 10.0.0.1}]\nhuntGroups:\n  - {name: H, gateway: G1, dialPlan: P, pilot: "5"}',
      'estate.yaml:5: huntGroups[0].gateway: there is no gateway "G1" (did you mean "G"?)',
    ],
    [
      'dialPlans: [{name: P}]\nhuntGroups:\n  - {name: H, gateway: G, dialPlan: P1, pilot: "5"}',
      'estate.yaml:5: huntGroups[0].dialPlan: there is no dial-plan "P1" (did you mean "P"?)',
    ],
  ])('a dangling reference: %s', (file, message) => expect(refused(file)).toContain(message));

  test('addresses that belong to another object name their holder', () => {
    const of = (file: string) => refused(`mailboxes:\n  - ${file}`);
    expect(of('{address: new@contoso.com, database: DB1, aliases: [BOB@Contoso.com]}')).toContain(
      'estate.yaml:4: mailboxes[0]: the address "BOB@Contoso.com" belongs to mailbox "bob@contoso.com" already',
    );
    expect(of('{address: A.nn@contoso.com, database: DB1}')).toContain('belongs to mailbox "ann@contoso.com" already');
    expect(of('{address: all@contoso.com, database: DB1}')).toContain('belongs to group "all@contoso.com" already');
    expect(of('{address: bob@contoso.com, aliases: [ext@contoso.com]}')).toContain(
      'belongs to contact "ext@contoso.com" already',
    );
    expect(of('{address: new@contoso.com, database: DB1, aliases: [n@contoso.com, N@contoso.com]}')).toContain(
      'belongs to mailbox "new@contoso.com" already',
    );
    expect(of('{address: bob@contoso.com, guid: 5B1C9E70-1f6e-4f0e-9a53-0c8d4f7a2b11}')).toContain(
      'the guid "5B1C9E70-1f6e-4f0e-9a53-0c8d4f7a2b11" belongs to mailbox "ann@contoso.com" already',
    );
    expect(of('{address: ann@contoso.com, extension: "5000"}')).toContain('extension 5000 belongs to');
  });

  test('every problem of the file is named', () => {
    const message = refused(
      'servers:\n  - {name: S, site: 5}\n  - {name: T, sitte: Wien}\nmailboxes:\n  - {address: x@y, database: DBX}',
    );
    expect(message.split('\n').map((line) => line.split(' ')[0])).toEqual([
      'estate.yaml:4:',
      'estate.yaml:5:',
      'estate.yaml:5:',
      'estate.yaml:7:',
    ]);
  });
});

test('objects of one file may refer to each other in any order and case', () => {
  const store = scratchStore();
  apply(
    store,
    'estate: 1\nmailboxes: [{address: a@x.com, database: db1}]\ndatabases: [{name: DB1, copies: [m1]}]\nservers: [{name: M1, site: a}]\nsites: [{name: A}]',
  );
  expect(store.find(catalogue.mailbox, 'a@x.com')).toMatchObject({ database: 'DB1' });
  expect(store.find(catalogue.database, 'db1')).toMatchObject({ name: 'DB1', copies: ['M1'], active: 'M1' });
  expect(store.find(catalogue.server, 'M1')).toMatchObject({ site: 'A' });
});

describe('names keep the case they were made with', () => {
  test('whatever case later files use, and then nothing has changed', () => {
    const store = baseStore();
    const spelled =
      'estate: 1\nsites: [{name: WIEN}]\nservers: [{name: mbx1, site: wien, dag: dag1}]\ndatabases: [{name: db1, copies: [mbx1, mbx2]}]';
    expect(apply(store, spelled)).toMatchObject({ revision: 1, changed: [] });
    expect(listed(store, 'site')).toEqual(['Graz', 'Wien']);
  });

  test('with prune too, and references follow them', () => {
    const store = baseStore();
    apply(store, 'estate: 1\nsites: [{name: WIEN}]\nservers: [{name: mbx1, site: wien, dag: null}]', true);
    expect(listed(store, 'server')).toEqual(['MBX1']);
    expect(store.find(catalogue.server, 'mbx1')).toMatchObject({ name: 'MBX1', site: 'Wien' });
  });

  test('letters beyond ASCII make different names', () => {
    const store = scratchStore();
    const states = (requester: string) => [{ component: 'imap', requester, state: 'inactive' }];
    const server = (name: string, requester: string) => ({ name, host: 'h', site: 'A', components: states(requester) });
    apply(store, {
      estate: 1,
      sites: [{ name: 'A' }],
      servers: [
        server('É', 'health'),
        server('é', 'functional'),
        server('K', 'sidelined'),
        server('\u212a', 'deployment'),
      ],
    });
    const read = store
      .list(catalogue.server)
      .map(({ name, components }) => [name, (components as { requester: string }[]).map(({ requester }) => requester)]);
    expect(Object.fromEntries(read as [string, string[]][])).toEqual({
      É: ['health'],
      é: ['functional'],
      K: ['sidelined'],
      '\u212a': ['deployment'],
    });
  });
});

describe('prune', () => {
  const small = 'estate: 1\nsites: [{name: Wien}]\nservers: [{name: MBX1, dag: null}]';

  test('deletes what the file does not name, and keeps what it does not say of the rest', () => {
    const store = baseStore();
    const { changed } = apply(store, small, true);
    expect(
      changed
        .filter(({ change }) => change === 'deleted')
        .map(({ noun, name }) => `${noun} ${name}`)
        .sort(),
    ).toEqual([
      'contact ext@contoso.com',
      'dag DAG1',
      'database DB1',
      'group all@contoso.com',
      'link WG',
      'mailbox ann@contoso.com',
      'mailbox bob@contoso.com',
      'server MBX2',
      'site Graz',
    ]);
    expect(exported(store)).toMatchObject({
      organization: { defaultDomain: 'contoso.com' },
      servers: [{ name: 'MBX1', roles: ['mailbox', 'frontend'] }],
    });
  });

  test('refuses what would refer to something that goes', () => {
    const store = baseStore();
    const message = (file: string) => refusal(() => apply(store, file, true)).message;
    expect(message('estate: 1\nsites: [{name: Wien}]\nservers: [{name: MBX1}]')).toContain(
      'estate.yaml:3: servers[0].dag: there is no dag "DAG1"',
    );
    expect(message(`${small}\ngroups: [{address: all@contoso.com, expansionServer: MBX2}]`)).toContain(
      'groups[0].expansionServer: there is no server "MBX2" (did you mean "MBX1"?)',
    );
    expect(message(`${small}\nmailboxes: [{address: ann@contoso.com}]`)).toContain(
      'mailboxes[0].database: there is no database "DB1"',
    );
    apply(store, 'estate: 1\norganization: {arbitrationDatabase: DB1}');
    expect(message(small)).toContain('organization "organization": arbitrationDatabase: there is no database "DB1"');
  });

  test('frees the addresses of what goes for what comes', () => {
    const store = baseStore();
    const estate = base
      .replace(/ {2}- \{address: ann.*\n/, '')
      .replace('ext@contoso.com, target', 'a.nn@contoso.com, target');
    apply(store, estate, true);
    expect(store.directory.find('a.nn@contoso.com')).toMatchObject({ class: 'contact' });
    expect(store.directory.find('ann@contoso.com')).toBeUndefined();
  });
});

describe('what only one object can have moves within one file, in any order', () => {
  const move = (first: string, second: string) =>
    `estate: 1\nmailboxes:\n  - {address: ${first}}\n  - {address: ${second}}\n`;
  const bob = 'bob@contoso.com, aliases: [a.nn@contoso.com], guid: 5b1c9e70-1f6e-4f0e-9a53-0c8d4f7a2b11';
  const ann = 'ann@contoso.com, aliases: [], guid: null';

  test.each([move(bob, ann), move(ann, bob)])('%s', (file) => {
    const store = baseStore();
    const { changed } = apply(store, file);
    expect(changed.map(({ noun, name, change }) => `${change} ${noun} ${name}`).sort()).toEqual([
      'updated mailbox ann@contoso.com',
      'updated mailbox bob@contoso.com',
    ]);
    expect(store.directory.find('a.nn@contoso.com')).toMatchObject({ address: 'bob@contoso.com' });
    expect(store.directory.findByGuid('5b1c9e70-1f6e-4f0e-9a53-0c8d4f7a2b11')).toMatchObject({
      address: 'bob@contoso.com',
    });
  });

  test('a swap of aliases, and of extensions', () => {
    const store = baseStore();
    apply(
      store,
      move(
        'ann@contoso.com, extension: "1", aliases: [x@contoso.com]',
        'bob@contoso.com, extension: "2", aliases: [y@contoso.com]',
      ),
    );
    apply(
      store,
      move(
        'ann@contoso.com, extension: "2", aliases: [y@contoso.com]',
        'bob@contoso.com, extension: "1", aliases: [x@contoso.com]',
      ),
    );
    expect(store.directory.find('y@contoso.com')).toMatchObject({ address: 'ann@contoso.com' });
    expect(store.directory.find('x@contoso.com')).toMatchObject({ address: 'bob@contoso.com' });
    expect(store.history()[0]).toMatchObject({ revision: 3, changedCount: 2 });
  });

  test('paths of http services', () => {
    const store = scratchStore();
    apply(store, 'estate: 1\nhttpServices: [{name: a, path: /1}, {name: b, path: /2}]');
    apply(store, 'estate: 1\nhttpServices: [{name: a, path: /2}, {name: b, path: /1}]');
    expect(store.list(catalogue['http-service']).map(({ path }) => path)).toEqual(['/2', '/1']);
    expect(refusal(() => apply(store, 'estate: 1\nhttpServices:\n  - {name: c, path: /2}')).message).toContain(
      'estate.yaml:3: httpServices[0].path: /2 is the path of "a" already',
    );
  });
});

test('what was wrong before does not stop a change, and warnings are of what changed', () => {
  const store = scratchStore();
  const first = apply(store, 'estate: 1\nsites: [{name: A, hub: true}]');
  expect(first.warnings.map(({ code, object }) => `${code} ${object}`)).toEqual(['hub-without-server site "A"']);
  expect(apply(store, 'estate: 1\ndags: [{name: D}]').warnings).toEqual([]);
});

test('what may be left out and what is cleared', () => {
  const store = baseStore();
  apply(store, 'estate: 1\norganization: {defaultDomain: null}\nmailboxes: [{address: ann@contoso.com, guid: null}]');
  expect(store.find(catalogue.organization, 'organization')).toMatchObject({ defaultDomain: null });
  expect(store.find(catalogue.mailbox, 'ann@contoso.com')).toMatchObject({
    guid: null,
    aliases: ['a.nn@contoso.com'],
    database: 'DB1',
  });
});
