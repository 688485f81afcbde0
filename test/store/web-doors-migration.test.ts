import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { applicationId } from '../../src/store/migrate.js';
import { catalogue } from '../../src/topology/catalogue/catalogue.js';
import { apply, exported, scratchStore, storePath } from '../support/scratch-store.js';

const first = readFileSync(new URL('../../migrations/0001-topology.sql', import.meta.url), 'utf8');

const listenerThen = {
  name: 'HTTPS',
  server: null,
  protocol: 'http',
  bind: '0.0.0.0:443',
  tls: 'implicit',
  transport: 'tcp',
  plaintextLogin: false,
  certificate: null,
  proxyPeers: [],
  limits: {},
};
const serviceThen = { name: 'dav', path: '/dav', endpoint: 'http', timeout: 5000 };

/** A store as version 1 wrote it, with the rows that version 2 adds columns to. */
function storeOfVersionOne(): string {
  const path = storePath();
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.exec(first);
  database.exec(`
    INSERT INTO revision VALUES (1, '2026-01-01T00:00:00.000Z', 'ann', 'usher apply', NULL);
    INSERT INTO organization VALUES (1, 'contoso.com', NULL, 'sender-server', 500, 1024, '[]', '[]');
    INSERT INTO site VALUES ('A', 0, 1, '{}');
    INSERT INTO server VALUES ('FE1', 'fe1', 'A', NULL, '["frontend"]', 'any', '{}');
    INSERT INTO server_components VALUES ('FE1', 0, 'owa-proxy', 'maintenance', 'draining');
    INSERT INTO listener VALUES ('HTTPS', NULL, 'http', '0.0.0.0:443', 'implicit', 'tcp', 0, NULL, '[]', '{}');
    INSERT INTO http_service VALUES ('dav', '/dav', 'http', 5000);
  `);
  const put = database.prepare('INSERT INTO change VALUES (?, ?, 1, NULL, ?)');
  put.run('listener', 'HTTPS', JSON.stringify(listenerThen));
  put.run('http-service', 'dav', JSON.stringify(serviceThen));
  database.pragma('user_version = 1');
  database.pragma(`application_id = ${applicationId}`);
  database.close();
  return path;
}

const webDefaults = { redirectToHttps: false, hsts: null, serverHeaders: false, http2: true };
/** What later versions gave listeners, with its defaults. */
const since = { clientCa: null };

describe('a store of version 1', () => {
  test('keeps its rows, which have the defaults in what is new', () => {
    const store = scratchStore(storeOfVersionOne());
    expect(store.list(catalogue.listener)).toEqual([{ ...listenerThen, ...webDefaults, ...since }]);
    expect(store.list(catalogue['http-service'])).toEqual([{ ...serviceThen, port: null }]);
    expect(store.find(catalogue.organization, 'organization')).toMatchObject({
      defaultDomain: 'contoso.com',
      maxRequestsPerServer: null,
    });
    expect(store.find(catalogue.server, 'FE1')).toMatchObject({ components: [{ component: 'owa-proxy' }] });
    expect(store.revision()).toBe(1);
    expect(exported(store)).toMatchObject({ listeners: [webDefaults], httpServices: [{ port: null }] });
  });

  test('has a key for route cookies, another one in every store', () => {
    const keys = [storeOfVersionOne(), storeOfVersionOne()].map((path) =>
      scratchStore(path, { purpose: 'runtime' }).routeKeys(),
    );
    for (const of of keys) expect(of.map((key) => key.length)).toEqual([32]);
    expect(keys[0]).not.toEqual(keys[1]);
  });

  test('takes the new fields', () => {
    const store = scratchStore(storeOfVersionOne());
    apply(store, {
      estate: 1,
      organization: { maxRequestsPerServer: 150 },
      listeners: [
        { name: 'HTTPS', hsts: '365d', serverHeaders: true, http2: false },
        { name: 'HTTP', protocol: 'http', bind: '0.0.0.0:80', redirectToHttps: true },
      ],
      httpServices: [{ name: 'dav', port: 8443 }],
    });
    expect(exported(store)).toMatchObject({
      organization: { maxRequestsPerServer: 150 },
      listeners: [
        { name: 'HTTP', redirectToHttps: true, hsts: null, http2: true },
        { name: 'HTTPS', redirectToHttps: false, hsts: '365d', serverHeaders: true, http2: false },
      ],
      httpServices: [{ name: 'dav', port: 8443 }],
    });
  });

  test('shows objects of its older revisions whole', () => {
    const store = scratchStore(storeOfVersionOne());
    apply(store, {
      estate: 1,
      listeners: [{ name: 'HTTPS', hsts: '1d' }],
      httpServices: [{ name: 'dav', port: 8443 }],
    });
    apply(store, { estate: 1, listeners: [{ name: 'HTTPS', bind: '0.0.0.0:8443' }] });
    expect(store.at(1).objects.listeners).toEqual([{ ...listenerThen, ...webDefaults, ...since }]);
    expect(store.at(1).objects.httpServices).toEqual([{ ...serviceThen, port: null }]);
    expect(store.at(2).objects.listeners).toMatchObject([{ hsts: 86_400_000, bind: '0.0.0.0:443' }]);
  });

  test('shows objects that version 1 changed after a revision whole too', () => {
    const path = storeOfVersionOne();
    const database = new Database(path);
    database.exec(`INSERT INTO revision VALUES (2, '2026-01-02T00:00:00.000Z', 'ann', 'usher apply', NULL)`);
    const before = JSON.stringify({ ...listenerThen, bind: '0.0.0.0:444' });
    database
      .prepare(`INSERT INTO change VALUES ('listener', 'HTTPS', 2, ?, ?)`)
      .run(before, JSON.stringify(listenerThen));
    database.close();
    const store = scratchStore(path);
    expect(store.at(1).objects.listeners).toEqual([{ ...listenerThen, ...webDefaults, ...since, bind: '0.0.0.0:444' }]);
  });
});
