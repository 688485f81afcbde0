import { request } from 'node:http';
import { join } from 'node:path';
import fc from 'fast-check';
import { ImapFlow } from 'imapflow';
import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyEstate } from '../../src/admin/apply.js';
import { testMailRouting } from '../../src/admin/test-mail-routing.js';
import { type Answer, storedEstate, testClientRouting } from '../../src/admin/test-routing.js';
import { askRuntime } from '../../src/control/client.js';
import { createMailStore } from '../../src/demo/servers/mail-store.js';
import { type MailboxServer, startMailboxServer } from '../../src/demo/servers/mailbox-server.js';
import { type Runtime, startRuntime } from '../../src/runtime/start-runtime.js';
import { openStore, type Store } from '../../src/store/store.js';
import { freePorts } from '../support/free-port.js';
import { tempDir } from '../support/temp-dir.js';

const serverNames = ['M1', 'M2', 'M3', 'M4'];
const users = ['u0', 'u1', 'u2', 'u3', 'u4'].map((name) => `${name}@example.org`);
const password = 'secret';

/** A random estate over four real servers: where they stand, which are in DAGs, where the copies and mailboxes are. */
const estateArbitrary = fc
  .record({
    sites: fc.array(fc.constantFrom('A', 'B', 'C'), { minLength: 4, maxLength: 4 }),
    dags: fc.array(fc.constantFrom(null, 'D1', 'D2'), { minLength: 4, maxLength: 4 }),
    accepts: fc.array(fc.constantFrom('any', 'any', 'own'), { minLength: 4, maxLength: 4 }),
    costs: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 3, maxLength: 3 }),
    hub: fc.constantFrom(null, 'A', 'B', 'C'),
    homes: fc.array(fc.nat({ max: 3 }), { minLength: 5, maxLength: 5 }),
    active: fc.array(fc.nat({ max: 3 }), { minLength: 4, maxLength: 4 }),
  })
  .map(({ sites, dags, accepts, costs, hub, homes, active }) => {
    const copiesOf = (index: number): string[] =>
      dags[index] === null ? [serverNames[index] ?? ''] : serverNames.filter((_, other) => dags[other] === dags[index]);
    return {
      sites: ['A', 'B', 'C'].map((name) => ({ name, hub: name === hub })),
      links: [
        { name: 'AB', sites: ['A', 'B'], cost: costs[0] },
        { name: 'BC', sites: ['B', 'C'], cost: costs[1] },
        { name: 'AC', sites: ['A', 'C'], cost: costs[2] },
      ],
      servers: serverNames.map((name, index) => ({
        name,
        site: sites[index],
        dag: dags[index],
        accepts: accepts[index],
      })),
      databases: serverNames.map((_, index) => {
        const copies = copiesOf(index);
        return { name: `DB${index}`, copies, active: copies[(active[index] ?? 0) % copies.length] };
      }),
      mailboxes: users.map((address, index) => ({ address, database: `DB${homes[index] ?? 0}` })),
    };
  });

describe('the server that a real connection reaches', () => {
  let servers: MailboxServer[];
  let store: Store;
  let runtime: Runtime;
  let ports: { smtp: number; imap: number; http: number };
  const control = join(tempDir('usher'), 'control.sock');

  const apply = async (estate: object): Promise<void> => {
    const meta = { actor: 'test', command: 'apply', message: null };
    const { revision } = applyEstate(
      store,
      { text: JSON.stringify(estate), fileName: 'estate.json', prune: false },
      meta,
      {},
    );
    const answer = await askRuntime(control, { ask: 'take-up', revision: revision ?? 0 }, 5000);
    expect(answer).toMatchObject({ answer: 'taken-up', revision, refused: null });
  };

  beforeAll(async () => {
    const mail = createMailStore();
    const accounts = (address: string) => (users.includes(address) ? { password, database: 'all' } : undefined);
    servers = await Promise.all(
      serverNames.map((name) =>
        startMailboxServer({ name, host: '127.0.0.1', store: mail, accounts, isActive: () => true }),
      ),
    );
    const [smtp = 0, imap = 0, http = 0] = await freePorts(3);
    ports = { smtp, imap, http };
    const path = join(tempDir('usher'), 'usher.db');
    store = openStore(path, { purpose: 'write' });
    const first = {
      estate: 1,
      sites: [{ name: 'A' }, { name: 'B' }, { name: 'C' }],
      dags: [{ name: 'D1' }, { name: 'D2' }],
      servers: [
        { name: 'CAS1', host: 'localhost', site: 'A', roles: ['frontend'] },
        ...servers.map(({ name, ports: at }) => ({
          name,
          host: '127.0.0.1',
          site: 'A',
          endpoints: {
            smtp: { port: at.smtp, tls: 'none' },
            imap: { port: at.imap, tls: 'none' },
            http: { port: at.http, tls: 'none' },
          },
        })),
      ],
      domains: [{ name: 'example.org', type: 'authoritative' }],
      receiveConnectors: [{ name: 'Default Frontend', bindings: [`127.0.0.1:${smtp}`] }],
      listeners: [
        { name: 'IMAP', protocol: 'imap', bind: `127.0.0.1:${imap}`, plaintextLogin: true },
        { name: 'HTTP', protocol: 'http', bind: `127.0.0.1:${http}` },
      ],
    };
    applyEstate(
      store,
      { text: JSON.stringify(first), fileName: 'first', prune: false },
      { actor: 'test', command: 'apply', message: null },
      {},
    );
    runtime = await startRuntime({ storePath: path, controlSocket: control, version: 'test' });
  });
  afterAll(async () => {
    await runtime?.stop(0);
    store?.close();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  const names = (answer: Answer): string[] => answer.targets.map((target) => target.server);
  const place = { on: undefined, down: [] };
  const expected = (protocol: 'imap' | 'owa', user: string): string[] =>
    names(testClientRouting(storedEstate(store, undefined), { ...place, protocol, user, url: undefined, headers: [] }));
  const expectedMail = (to: readonly string[]): string[] => {
    const unset = { from: undefined, user: undefined, size: undefined, clientIp: undefined, localIp: undefined };
    return names(testMailRouting(storedEstate(store, undefined), { ...place, ...unset, to, port: ports.smtp }));
  };

  const byImap = async (user: string): Promise<string> => {
    const client = new ImapFlow({
      host: '127.0.0.1',
      port: ports.imap,
      secure: false,
      auth: { user, pass: password },
      tls: { rejectUnauthorized: false },
      logger: false,
    });
    await client.connect();
    const info = (client.serverInfo ?? {}) as Readonly<Record<string, string>>;
    await client.logout();
    return info['server'] ?? '';
  };
  const byHttp = (user: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
      request({ host: '127.0.0.1', port: ports.http, path: '/owa/', headers }, (answer) => {
        answer.resume();
        resolve(String(answer.headers['x-mailbox-server']));
      })
        .on('error', reject)
        .end();
    });
  const bySmtp = async (to: readonly string[]): Promise<string> => {
    const transport = createTransport({ host: '127.0.0.1', port: ports.smtp, ignoreTLS: true });
    const { response } = await transport.sendMail({ from: 'kim@fabrikam.com', to: [...to], text: 'hello' });
    return / on (M\d)/.exec(response)?.[1] ?? response;
  };

  test('is among those that routing names, and the active one where the protocol demands it', {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(estateArbitrary, fc.subarray(users, { minLength: 1 }), async (estate, recipients) => {
        await apply({ estate: 1, ...estate });
        for (const user of users.slice(0, 2)) {
          expect([await byImap(user)]).toEqual(expected('imap', user));
          expect([await byHttp(user)]).toEqual(expected('owa', user));
          const database = estate.databases.find(
            ({ name }) => name === estate.mailboxes.find(({ address }) => address === user)?.database,
          );
          expect(expected('imap', user)).toEqual([database?.active]);
        }
        expect(expectedMail(recipients)).toContain(await bySmtp(recipients));
      }),
      { numRuns: 25 },
    );
  });
});
