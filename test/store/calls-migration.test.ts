import { readdirSync, readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { applicationId } from '../../src/store/migrate.js';
import { catalogue } from '../../src/topology/catalogue/catalogue.js';
import { endpointDefaults } from '../../src/topology/endpoints.js';
import { apply, exported, scratchStore, storePath } from '../support/scratch-store.js';

const folder = new URL('../../migrations/', import.meta.url);
const migrations = readdirSync(folder)
  .sort()
  .slice(0, 3)
  .map((name) => readFileSync(new URL(name, folder), 'utf8'));

const listenerThen = {
  name: 'SIPS',
  server: null,
  protocol: 'sip',
  bind: '0.0.0.0:5061',
  tls: 'implicit',
  transport: 'tcp',
  plaintextLogin: false,
  certificate: null,
  proxyPeers: [],
  redirectToHttps: false,
  hsts: null,
  serverHeaders: false,
  http2: true,
  limits: {},
};
const mailboxThen = {
  address: 'ann@contoso.com',
  aliases: [],
  database: 'DB1',
  guid: null,
  extension: '5101',
  protocols: {},
};
const gatewayThen = { name: 'GW1', address: '10.9.9.9', enabled: true };
const gatewaySince = { port: 5060, transport: 'tcp', probe: 60_000 };

/** A store as version 3 wrote it, with the rows that version 4 adds columns to. */
function storeOfVersionThree(): string {
  const path = storePath();
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  for (const sql of migrations) database.exec(sql);
  database.exec(`
    INSERT INTO revision VALUES (1, '2026-01-01T00:00:00.000Z', 'ann', 'usher apply', NULL);
    INSERT INTO site VALUES ('A', 0, 1, '{}');
    INSERT INTO server VALUES ('MBX1', 'mbx1', 'A', NULL, '["mailbox"]', 'any', '${JSON.stringify(endpointDefaults)}');
    BEGIN;
    INSERT INTO database VALUES ('DB1', 'MBX1');
    INSERT INTO database_copies VALUES ('DB1', 0, 'MBX1');
    COMMIT;
    INSERT INTO mailbox VALUES (1, 'ann@contoso.com', 'DB1', NULL, '5101', '{}');
    INSERT INTO address VALUES ('ann@contoso.com', 'ann@contoso.com', 0, 1, NULL, NULL);
    INSERT INTO dial_plan VALUES ('Vienna', 'extension', 'unsecured', 4);
    INSERT INTO gateway VALUES ('GW1', '10.9.9.9', 1);
    INSERT INTO listener (name, protocol, bind, tls, transport, plaintext_login, proxy_peers, limits)
      VALUES ('SIPS', 'sip', '0.0.0.0:5061', 'implicit', 'tcp', 0, '[]', '{}');
  `);
  const put = database.prepare('INSERT INTO change VALUES (?, ?, 1, NULL, ?)');
  put.run('listener', 'SIPS', JSON.stringify(listenerThen));
  put.run('gateway', 'GW1', JSON.stringify(gatewayThen));
  put.run('mailbox', 'ann@contoso.com', JSON.stringify(mailboxThen));
  database.pragma('user_version = 3');
  database.pragma(`application_id = ${applicationId}`);
  database.close();
  return path;
}

describe('a store of version 3', () => {
  test('keeps its rows, which have the defaults in what is new', () => {
    const store = scratchStore(storeOfVersionThree());
    expect(store.list(catalogue.listener)).toEqual([{ ...listenerThen, clientCa: null }]);
    expect(store.list(catalogue.mailbox)).toEqual([{ ...mailboxThen, dialPlan: null }]);
    expect(store.list(catalogue.gateway)).toEqual([{ ...gatewayThen, ...gatewaySince }]);
    expect(store.revision()).toBe(1);
    expect(exported(store)).toMatchObject({
      listeners: [{ clientCa: null }],
      mailboxes: [{ dialPlan: null }],
      callGateways: [{ port: 5060, transport: 'tcp', probe: '1m' }],
    });
  });

  test('finds its extensions for every plan', () => {
    const { directory } = scratchStore(storeOfVersionThree());
    expect(directory.findByExtension('5101')).toMatchObject({ address: 'ann@contoso.com' });
    expect(directory.findByExtension('5101', 'Vienna')).toMatchObject({ address: 'ann@contoso.com' });
  });

  test('takes the new fields', () => {
    const store = scratchStore(storeOfVersionThree());
    apply(store, {
      estate: 1,
      listeners: [{ name: 'SIPS', clientCa: '/etc/usher/gateways.pem' }],
      mailboxes: [{ address: 'ann@contoso.com', dialPlan: 'vienna' }],
      callGateways: [{ name: 'GW1', transport: 'tls', probe: '0s' }],
    });
    expect(exported(store)).toMatchObject({
      callGateways: [{ port: 5061, transport: 'tls', probe: '0s' }],
      listeners: [{ clientCa: '/etc/usher/gateways.pem' }],
      mailboxes: [{ extension: '5101', dialPlan: 'Vienna' }],
    });
    expect(store.directory.findByExtension('5101')).toBeUndefined();
  });

  test('shows objects of its older revisions whole', () => {
    const store = scratchStore(storeOfVersionThree());
    apply(store, {
      estate: 1,
      listeners: [{ name: 'SIPS', clientCa: '/etc/usher/gateways.pem' }],
      mailboxes: [{ address: 'ann@contoso.com', dialPlan: 'Vienna' }],
      callGateways: [{ name: 'GW1', port: 5080 }],
    });
    apply(store, { estate: 1, listeners: [{ name: 'SIPS', bind: '0.0.0.0:5063' }] });
    expect(store.at(1).objects.listeners).toEqual([{ ...listenerThen, clientCa: null }]);
    expect(store.at(1).objects.callGateways).toEqual([{ ...gatewayThen, ...gatewaySince }]);
    expect(store.at(2).objects.callGateways).toMatchObject([{ port: 5080 }]);
    expect(store.at(1).directory.findByExtension('5101')).toMatchObject({ address: 'ann@contoso.com' });
    expect(store.at(2).directory.findByExtension('5101')).toBeUndefined();
    expect(store.at(2).objects.listeners).toMatchObject([
      { clientCa: '/etc/usher/gateways.pem', bind: '0.0.0.0:5061' },
    ]);
  });
});
