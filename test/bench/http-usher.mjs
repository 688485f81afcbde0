import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, portOpen, run, startChild, tempDir } from './child.mjs';
import { mailboxServers, writeUsers } from './http-users.mjs';
import { makeStore, usherCommand } from './usher.mjs';

/**
 * A front end with a door in clear and one with TLS, in front of an estate of 100,000 mailboxes.
 * @typedef {object} PreparedUsher
 * @property {(door: import('./http-stage.mjs').DoorKind) => Promise<import('./harness.mjs').Running<number>>} start
 */

const collect = fileURLToPath(new URL('./mail-access-collect.mjs', import.meta.url));

/**
 * @param {import('./http-stage.mjs').Ports} mailboxPorts
 * @param {import('./http-stage.mjs').Certificate} certificate
 * @returns {Promise<PreparedUsher>}
 */
export async function prepareUsher(mailboxPorts, certificate) {
  const doors = { plain: await freePort(), tls: await freePort() };
  const store = await makeStore(estate(mailboxPorts, doors, certificate));
  const file = join(tempDir('users'), 'mailboxes.csv');
  await writeUsers(file, 'address,database\n', (user, server) => `${user},${server}\n`);
  await run(process.execPath, usherCommand(store, ['import', 'mailboxes', '-f', file]));
  return { start: (door) => start(store, doors[door]) };
}

/**
 * @param {import('./http-stage.mjs').Ports} mailboxPorts
 * @param {{plain: number, tls: number}} doors
 * @param {import('./http-stage.mjs').Certificate} certificate
 */
function estate(mailboxPorts, doors, { certFile, keyFile }) {
  const many = 1_000_000;
  const limits = { maxConnections: many, maxConnectionsPerSource: many, maxConnectionsPerUser: many };
  const door = { protocol: 'http', server: 'EDGE1', limits };
  return {
    estate: 1,
    sites: [{ name: 'A' }],
    servers: [
      { name: 'EDGE1', host: 'localhost', site: 'A', roles: ['frontend'] },
      ...mailboxServers.map((name) => ({
        name,
        host: '127.0.0.1',
        site: 'A',
        roles: ['mailbox'],
        endpoints: { http: { port: mailboxPorts[name], tls: 'none' } },
      })),
    ],
    databases: mailboxServers.map((name) => ({ name, copies: [name] })),
    domains: [{ name: 'example.org', type: 'authoritative' }],
    certificates: [{ name: 'bench', certFile, keyFile }],
    listeners: [
      { ...door, name: 'HTTP', bind: `127.0.0.1:${doors.plain}`, tls: 'none', plaintextLogin: true },
      { ...door, name: 'HTTPS', bind: `127.0.0.1:${doors.tls}`, tls: 'implicit', certificate: 'bench' },
    ],
  };
}

/**
 * @param {string} store
 * @param {number} port
 */
async function start(store, port) {
  const directory = tempDir('runtime');
  const env = { XDG_RUNTIME_DIR: directory, XDG_STATE_HOME: directory };
  const node = ['--expose-gc', '--import', collect, ...(process.env['USHER_BENCH_NODE']?.split(' ') ?? [])];
  const args = [...node, ...usherCommand(store, ['start', '--foreground', '--on', 'EDGE1'])];
  const child = await startChild(process.execPath, args, env);
  await portOpen(child, port);
  return { pids: [child.pid], target: port, stop: child.stop };
}
