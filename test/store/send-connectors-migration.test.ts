import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { applicationId } from '../../src/store/migrate.js';
import { catalogue } from '../../src/topology/catalogue/catalogue.js';
import { endpointDefaults } from '../../src/topology/endpoints.js';
import { apply, exported, scratchStore, storePath } from '../support/scratch-store.js';

const migrations = ['0001-topology.sql', '0002-web-doors.sql'].map((name) =>
  readFileSync(new URL(`../../migrations/${name}`, import.meta.url), 'utf8'),
);

const connectorThen = {
  name: 'Internet',
  enabled: true,
  addressSpaces: ['*;1'],
  sources: ['MBX1'],
  scoped: false,
  frontEndProxy: false,
  maxMessageSize: 36_700_160,
  smartHosts: ['relay.fabrikam.com'],
  port: 25,
  tls: 'encrypt',
  auth: { user: 'usher', passwordFile: '/etc/usher/relay' },
  heloName: null,
  maxMessagesPerConnection: 20,
};

/** A store as version 2 wrote it, with a row that version 3 adds columns to. */
function storeOfVersionTwo(auth: object | null = connectorThen.auth): string {
  const path = storePath();
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  for (const sql of migrations) database.exec(sql);
  database.exec(`
    INSERT INTO revision VALUES (1, '2026-01-01T00:00:00.000Z', 'ann', 'usher apply', NULL);
    INSERT INTO site VALUES ('A', 0, 1, '{}');
    INSERT INTO server VALUES ('MBX1', 'mbx1', 'A', NULL, '["mailbox","frontend"]', 'any', '${JSON.stringify(endpointDefaults)}');
    INSERT INTO certificate VALUES ('out', '/etc/out.pem', '/etc/out.key');
    INSERT INTO send_connector VALUES ('Internet', 1, '["*;1"]', 0, 0, 36700160, '["relay.fabrikam.com"]', 25, 'encrypt',
      ${auth ? `'${JSON.stringify(auth)}'` : 'NULL'}, NULL, 20);
    INSERT INTO send_connector_sources VALUES ('Internet', 0, 'MBX1');
  `);
  const put = database.prepare('INSERT INTO change VALUES (?, ?, 1, NULL, ?)');
  put.run('send-connector', 'Internet', JSON.stringify(connectorThen));
  database.pragma('user_version = 2');
  database.pragma(`application_id = ${applicationId}`);
  database.close();
  return path;
}

const defaults = {
  implicitTls: false,
  mtaSts: true,
  ca: null,
  certificate: null,
  resolvers: [],
  allowPrivateAddresses: false,
  maxConnectionsPerHost: 20,
  connectTimeout: 10_000,
  replyTimeout: 60_000,
  idleTimeout: 5000,
  protocolLog: false,
};

describe('a store of version 2', () => {
  test('keeps its send connectors, which have the defaults in what is new', () => {
    const store = scratchStore(storeOfVersionTwo());
    expect(store.list(catalogue['send-connector'])).toMatchObject([{ ...connectorThen, ...defaults }]);
    expect(store.revision()).toBe(1);
    expect(exported(store)).toMatchObject({
      sendConnectors: [
        {
          auth: { user: 'usher', passwordFile: '/etc/usher/relay', passwordEnv: null },
          connectTimeout: '10s',
          replyTimeout: '1m',
          idleTimeout: '5s',
        },
      ],
    });
  });

  test('has for its connectors the defaults that new ones get', () => {
    const store = scratchStore(storeOfVersionTwo());
    apply(store, { estate: 1, sendConnectors: [{ name: 'New', sources: ['MBX1'], addressSpaces: ['x.com'] }] });
    expect(store.find(catalogue['send-connector'], 'New')).toMatchObject(defaults);
  });

  test('has nothing to change by its own export', () => {
    const store = scratchStore(storeOfVersionTwo());
    expect(apply(store, exported(store), true).changed).toEqual([]);
  });

  test('takes the new fields', () => {
    const store = scratchStore(storeOfVersionTwo());
    const given = {
      implicitTls: true,
      mtaSts: false,
      ca: '/etc/ca.pem',
      certificate: 'out',
      resolvers: ['10.0.0.53:5353'],
      allowPrivateAddresses: true,
      maxConnectionsPerHost: 3,
      connectTimeout: '3s',
      replyTimeout: '2m',
      idleTimeout: '0s',
      protocolLog: true,
    };
    const auth = { passwordFile: null, passwordEnv: 'RELAY_PASSWORD' };
    apply(store, { estate: 1, sendConnectors: [{ name: 'internet', ...given, auth }] });
    expect(exported(store)).toMatchObject({
      sendConnectors: [{ name: 'Internet', sources: ['MBX1'], ...given, auth: { user: 'usher', ...auth } }],
    });
  });

  test('shows connectors of its older revisions whole', () => {
    const store = scratchStore(storeOfVersionTwo());
    apply(store, { estate: 1, sendConnectors: [{ name: 'Internet', connectTimeout: '3s' }] });
    apply(store, { estate: 1, sendConnectors: [{ name: 'Internet', port: 587 }] });
    expect(store.at(1).objects.sendConnectors).toMatchObject([{ ...connectorThen, ...defaults }]);
    expect(store.at(2).objects.sendConnectors).toMatchObject([{ port: 25, connectTimeout: 3000 }]);
  });
});

test('a certificate that a send connector uses stays', () => {
  const store = scratchStore(storeOfVersionTwo());
  apply(store, { estate: 1, sendConnectors: [{ name: 'Internet', certificate: 'OUT' }] });
  const none = {
    estate: 1,
    sites: [{ name: 'A' }],
    servers: [{ name: 'MBX1' }],
    sendConnectors: [{ name: 'Internet' }],
  };
  expect(() => apply(store, none, true)).toThrow(/there is no certificate "out"/);
});
