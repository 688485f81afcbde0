import {
  constants,
  copyFileSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { freePort, portOpen, run, startChild, tempDir } from './child.mjs';
import { usherCommand } from './usher.mjs';

/**
 * Starts a front end with the door wanted; each use has a front end of its own in one store.
 * @typedef {'logins' | 'fetches' | 'idle'} Use
 * @typedef {import('./mail-access-stage.mjs').DoorKind} DoorKind
 * @typedef {object} PreparedUsher
 * @property {(use: Use, door: DoorKind) => Promise<import('./harness.mjs').Running<number>>} start its target is the port
 */

// Counts up when what is made changes, so that no older store is taken for it.
const generatorVersion = 1;
const mailboxCount = 1_000_000;
const migrations = fileURLToPath(new URL('../../migrations/', import.meta.url));
const collect = fileURLToPath(new URL('./mail-access-collect.mjs', import.meta.url));
const uses = /** @type {const} */ (['logins', 'fetches', 'idle']);
const doors = /** @type {const} */ (['plain', 'tls']);

/** @param {number} index */
const address = (index) => `user${index}@example.org`;

/**
 * The login name of any mailbox of the million, scattered; even ones are on Dovecot, odd ones on the scripted server.
 * @param {number} turn
 * @param {'dovecot' | 'scripted'} mailboxes
 */
export function userName(turn, mailboxes) {
  const scattered = Math.imul(turn, 2_654_435_761) >>> 0;
  return address((scattered % (mailboxCount / 2)) * 2 + (mailboxes === 'dovecot' ? 0 : 1));
}

/**
 * @param {{dovecotPort: number, scriptedPort: number, certificate: import('./mail-access-stage.mjs').Certificate}} options
 * @returns {Promise<PreparedUsher>}
 */
export async function prepareUsher({ dovecotPort, scriptedPort, certificate }) {
  const store = join(tempDir('store'), 'usher.db');
  copyFileSync(await storeOfAMillion(), store, constants.COPYFILE_FICLONE);
  /** @type {Map<string, number>} */
  const ports = new Map();
  for (const use of uses) for (const door of doors) ports.set(frontEndName(use, door), await freePort());
  const changes = {
    estate: 1,
    servers: [
      ...[...ports.keys()].map((name) => ({ name, host: 'localhost', site: 'A', roles: ['frontend'] })),
      { name: 'MBX0', endpoints: { imap: { port: dovecotPort, tls: 'none' } } },
      { name: 'MBX1', endpoints: { imap: { port: scriptedPort, tls: 'none' } } },
    ],
    certificates: [{ name: 'bench', certFile: certificate.certFile, keyFile: certificate.keyFile }],
    listeners: [...ports].map(([server, port]) => listener(server, port)),
  };
  await run(process.execPath, usherCommand(store, ['apply', '-f', '-']), { input: JSON.stringify(changes) });
  return { start: (use, door) => start(store, frontEndName(use, door), ports.get(frontEndName(use, door)) ?? 0) };
}

/**
 * @param {Use} use
 * @param {DoorKind} door
 */
const frontEndName = (use, door) => `${use}-${door}`;

/**
 * @param {string} server
 * @param {number} port
 */
function listener(server, port) {
  const limits = { maxConnections: 1_000_000, maxConnectionsPerSource: 1_000_000, idleTimeout: '2h' };
  const door = server.endsWith('-tls')
    ? { tls: 'implicit', certificate: 'bench' }
    : { tls: 'none', plaintextLogin: true };
  return { name: server, server, protocol: 'imap', bind: `127.0.0.1:${port}`, ...door, limits };
}

/**
 * @param {string} store
 * @param {string} frontEnd
 * @param {number} port
 */
async function start(store, frontEnd, port) {
  const directory = tempDir('runtime');
  const env = { XDG_RUNTIME_DIR: directory, XDG_STATE_HOME: directory };
  const node = ['--expose-gc', '--import', collect, ...(process.env['USHER_BENCH_NODE']?.split(' ') ?? [])];
  const args = [...node, ...usherCommand(store, ['start', '--foreground', '--on', frontEnd])];
  const child = await startChild(process.execPath, args, env);
  await portOpen(child, port);
  return { pids: [child.pid], target: port, stop: child.stop };
}

/**
 * A store with a million mailboxes, made by the commands; one that an earlier run made is used again.
 * @returns {Promise<string>} its path
 */
async function storeOfAMillion() {
  const version = readdirSync(migrations).filter((name) => name.endsWith('.sql')).length;
  const folder = join(tmpdir(), `usher-bench-mail-access-${version}-${generatorVersion}`);
  const [store, begun, file] = ['made.db', 'begun.db', 'mailboxes.csv'].map((name) => join(folder, name));
  if (existsSync(store)) return store;
  mkdirSync(folder, { recursive: true });
  for (const path of [begun, `${begun}-wal`, `${begun}-shm`]) rmSync(path, { force: true });
  const estate = {
    estate: 1,
    sites: [{ name: 'A' }],
    servers: ['MBX0', 'MBX1'].map((name) => ({ name, host: '127.0.0.1', site: 'A', roles: ['mailbox'] })),
    databases: ['MBX0', 'MBX1'].map((server, index) => ({ name: `DB${index}`, copies: [server] })),
    domains: [{ name: 'example.org', type: 'authoritative' }],
  };
  await run(process.execPath, usherCommand(begun, ['apply', '-f', '-']), { input: JSON.stringify(estate) });
  await pipeline(Readable.from(mailboxFile()), createWriteStream(file));
  await run(process.execPath, usherCommand(begun, ['import', 'mailboxes', '-f', file]));
  renameSync(begun, store);
  rmSync(file);
  return store;
}

function* mailboxFile() {
  yield 'address,database\n';
  for (let first = 0; first < mailboxCount; first += 1000) {
    yield Array.from({ length: 1000 }, (_, place) => `${address(first + place)},DB${(first + place) % 2}\n`).join('');
  }
}
