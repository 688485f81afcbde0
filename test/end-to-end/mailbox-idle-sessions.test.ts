import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyEstate } from '../../src/admin/apply.js';
import { askRuntime } from '../../src/control/client.js';
import { socketPath } from '../../src/settings.js';
import { openStore, type Store } from '../../src/store/store.js';
import { imapScript } from '../session/mail-access/mailbox-scripts.js';
import { type ScriptedServer, startScriptedServer } from '../session/mail-access/scripted-server.js';
import { freePort } from '../support/free-port.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { mailboxEstate } from './mailbox-estate.js';

/** More of both by the environment: 2000 sessions and 1000 changes for instance. */
const sessionCount = Number(process.env['USHER_IDLE_SESSIONS'] ?? 300);
const changeCount = Number(process.env['USHER_IDLE_CHANGES'] ?? 100);
const megabyte = 1024 * 1024;
const bytesPerSessionMax = 40 * 1024;

const addressOf = (index: number): string => `user${index}@example.org`;

let server: ScriptedServer;
let usher: Usher;
let store: Store;
let port: number;
let pid: number;
const idlers: Idler[] = [];

/** A client in IDLE; what it has heard since. */
interface Idler {
  readonly socket: Socket;
  heard: string;
}

beforeAll(async () => {
  server = await startScriptedServer(imapScript());
  port = await freePort();
  const many = { maxConnections: 2 * sessionCount, maxConnectionsPerSource: 2 * sessionCount };
  usher = await startUsher(
    mailboxEstate({
      servers: [{ imap: { port: server.port, tls: 'none' } }, {}],
      mailboxes: { DB1: Array.from({ length: sessionCount }, (_, index) => addressOf(index)) },
      listeners: [
        { name: 'IMAP', protocol: 'imap', bind: `127.0.0.1:${port}`, tls: 'none', plaintextLogin: true, limits: many },
      ],
    }),
  );
  store = openStore(usher.store, { purpose: 'write' });
  pid = (await status()).pid;
});
afterAll(async () => {
  for (const { socket } of idlers) socket.destroy();
  store?.close();
  await usher?.stop();
  server?.close();
});

const status = async () =>
  JSON.parse(await usher.cli('status', '--json')) as {
    pid: number;
    revision: number;
    refused: unknown;
    sessions: { imap?: number };
  };

function residentBytes(): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Number(kilobytes) * 1024;
}

async function openIdler(index: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const idler: Idler = { socket, heard: '' };
  idlers.push(idler);
  socket.on('error', () => socket.destroy()).on('data', (chunk: Buffer) => void (idler.heard += chunk.toString()));
  socket.write(`a LOGIN ${addressOf(index)} secret\r\nb IDLE\r\n`);
  await until('the session to be idle', () => /^b OK/m.test(idler.heard), 20_000);
  idler.heard = '';
}

async function openIdlers(): Promise<void> {
  for (let from = 0; from < sessionCount; from += 100) {
    const count = Math.min(100, sessionCount - from);
    await Promise.all(Array.from({ length: count }, (_, index) => openIdler(from + index)));
  }
}

/** Changes that are nothing to the sessions: sites, links, servers, databases, mailboxes and doors of others. */
const changes: readonly ((step: number) => object)[] = [
  (step) => ({ sites: [{ name: 'B', hub: step % 2 === 0 }] }),
  (step) => ({ sites: [{ name: 'B' }], links: [{ name: 'AB', sites: ['A', 'B'], cost: 1 + step }] }),
  (step) => ({ mailboxes: [{ address: `new${step}@example.org`, database: 'DB2' }] }),
  (step) => ({ databases: [{ name: 'DB2', active: step % 2 === 0 ? 'MBX1' : 'MBX2' }] }),
  (step) => ({ servers: [{ name: 'MBX2', host: `host${step}.example.org` }] }),
  (step) => ({ servers: [{ name: 'MBX1', endpoints: { pop: { port: 2000 + step } } }] }),
  (step) => ({ domains: [{ name: `d${step}.example.org`, type: 'authoritative' }] }),
  (step) => ({ organization: { maxRecipients: 100 + step } }),
  (step) => ({ mailboxes: [{ address: addressOf(step % sessionCount), aliases: [`alias${step}@example.org`] }] }),
];

async function change(step: number): Promise<void> {
  const part = changes[step % changes.length]?.(step) ?? {};
  const file = { text: JSON.stringify({ estate: 1, ...part }), fileName: 'change.json', prune: false };
  const { revision } = applyEstate(store, file, { actor: 'test', command: 'apply', message: null }, {});
  const socket = socketPath(usher.store, 'CAS1', { XDG_RUNTIME_DIR: dirname(usher.store) });
  const answer = await askRuntime(socket, { ask: 'take-up', revision: revision ?? 0 }, 5000);
  expect(answer).toMatchObject({ answer: 'taken-up', refused: null });
}

test(`${changeCount} changes elsewhere end none of ${sessionCount} idle sessions and leave no memory behind`, {
  timeout: 300_000,
}, async () => {
  const empty = residentBytes();
  await openIdlers();
  expect((await status()).sessions.imap).toBe(sessionCount);
  const opened = residentBytes();
  expect(opened - empty).toBeLessThan(sessionCount * bytesPerSessionMax + 40 * megabyte);
  // The first fifth warms the program up; what is left afterwards must not grow with the changes.
  const warm = Math.ceil(changeCount / 5);
  for (let step = 0; step < warm; step += 1) await change(step);
  const before = residentBytes();
  for (let step = warm; step < changeCount; step += 1) await change(step);
  expect(residentBytes() - before).toBeLessThan(30 * megabyte);
  const now = await status();
  expect(now).toMatchObject({ refused: null, sessions: { imap: sessionCount } });
  expect(now.revision).toBeGreaterThanOrEqual(changeCount);
  expect(idlers.filter(({ socket, heard }) => socket.destroyed || heard !== '')).toEqual([]);
});

test('every one of them still works, and none is left when they go', async () => {
  for (const { socket } of idlers) socket.write('c NOOP\r\n');
  await until('every session to answer', () => idlers.every(({ heard }) => heard !== ''));
  expect(new Set(idlers.map(({ heard }) => heard))).toEqual(new Set(['c OK NOOP done\r\n']));
  for (const { socket } of idlers) socket.end('d LOGOUT\r\n');
  await until('the sessions to be over', async () => (await status()).sessions.imap === undefined);
  await until('the connections to the server to be over', () => server.openConnections() === 0);
});
