import { fileURLToPath } from 'node:url';
import { freePort, portOpen, startChild } from './child.mjs';
import { checkServedBy } from './http-ask.mjs';
import { startHaproxy, startHaproxyWithMap } from './http-haproxy.mjs';
import { startNginxProxy, startNginxWithAuthRequest } from './http-nginx.mjs';
import { sinkUser } from './http-users.mjs';

/**
 * @typedef {import('./http-stage.mjs').Stage} Stage
 * @typedef {import('./http-stage.mjs').DoorKind} DoorKind
 * @typedef {import('./http-users.mjs').MailboxServer} MailboxServer
 * @typedef {{port: number, door: DoorKind, pids: readonly number[]}} Target
 */

/**
 * `server` is the one to which all requests go that no user's mailbox decides; `large` bodies are not to be held.
 * @typedef {object} ProxyOptions
 * @property {import('./http-stage.mjs').Ports} ports
 * @property {import('./http-stage.mjs').Certificate} certificate
 * @property {DoorKind} door
 * @property {MailboxServer} server
 * @property {'small' | 'large'} bodies
 */

/** Names of the systems; `direct` has nothing between client and server. */
export const names = /** @type {const} */ ({
  direct: 'direct',
  map: 'HAProxy with a map',
  authRequest: 'nginx with auth_request',
  nginx: 'nginx',
  haproxy: 'HAProxy',
  httpProxy: 'http-proxy',
  usher: 'usher',
});

/** @typedef {keyof typeof names} SystemName */

const httpProxyServer = fileURLToPath(new URL('./http-proxy-server.mjs', import.meta.url));

/**
 * Each is checked to answer from the server it should before it is measured. usher is left out where it is not to run.
 * @param {Stage} stage
 * @param {readonly SystemName[]} wanted
 * @param {{door?: DoorKind, server?: MailboxServer, bodies?: 'small' | 'large'}} [how]
 * @returns {import('./harness.mjs').System<Target>[]}
 */
export function systemsOf(stage, wanted, { door = 'plain', server = 'mbx0', bodies = 'small' } = {}) {
  const options = { ports: stage.ports, certificate: stage.certificate, door, server, bodies };
  return wanted
    .filter((name) => name !== 'usher' || stage.usher !== undefined)
    .map((name) => ({
      name: names[name],
      peer: name !== 'usher' && name !== 'direct',
      start: async () => {
        const running = await starters[name](options, stage);
        const target = { port: running.target, door, pids: running.pids };
        try {
          for (const [user, expected] of expectedServers(name, server)) await checkServedBy(target, user, expected);
        } catch (error) {
          await running.stop();
          throw error;
        }
        return { ...running, target };
      },
    }));
}

/**
 * Users, and the server that a system's answer to each must come from.
 * @param {SystemName} name
 * @param {MailboxServer} server
 * @returns {readonly (readonly [number, MailboxServer])[]}
 */
function expectedServers(name, server) {
  const isRouting = name === 'usher' || name === 'map' || name === 'authRequest';
  if (!isRouting) return [[0, server]];
  return [
    [0, 'mbx0'],
    [1, 'mbx1'],
    [sinkUser(0), 'sink'],
  ];
}

/** @type {Readonly<Record<SystemName, (options: ProxyOptions, stage: Stage) => Promise<import('./harness.mjs').Running<number>>>>} */
const starters = {
  direct: async ({ ports, server }) => ({ pids: [], target: ports[server], stop: async () => undefined }),
  map: startHaproxyWithMap,
  authRequest: startNginxWithAuthRequest,
  nginx: startNginxProxy,
  haproxy: startHaproxy,
  httpProxy: startHttpProxy,
  usher: ({ door }, { usher }) => {
    if (usher === undefined) throw new Error('usher is not to run');
    return usher.start(door);
  },
};

/** @param {ProxyOptions} options */
async function startHttpProxy({ ports, server }) {
  const port = await freePort();
  const child = await startChild(process.execPath, [httpProxyServer, String(port), String(ports[server])]);
  await portOpen(child, port);
  return { pids: [child.pid], target: port, stop: child.stop };
}
