import { freePort, portOpen, startChild, tempDir } from './child.mjs';
import { makeStore, usherCommand } from './usher.mjs';

/**
 * What the send connector says of its one smart host; what it leaves out is as it is by default.
 * @typedef {object} ConnectorSettings
 * @property {'none' | 'encrypt'} tls
 * @property {boolean} implicitTls
 * @property {number} [maxConnectionsPerHost]
 * @property {number} [maxMessagesPerConnection]
 */

/**
 * Starts a front end with the door for mailbox servers, who are known by the address 127.0.0.1, and one send connector.
 * @param {number} smartHostPort
 * @param {ConnectorSettings} settings
 * @returns {Promise<import('./harness.mjs').Running<number>>}
 */
export async function startOutboundFrontEnd(smartHostPort, settings) {
  const port = await freePort();
  const store = await makeStore(estate(port, smartHostPort, settings));
  const directory = tempDir('runtime');
  const env = { XDG_RUNTIME_DIR: directory, XDG_STATE_HOME: directory };
  const node = process.env['USHER_BENCH_NODE']?.split(' ') ?? [];
  const args = [...node, ...usherCommand(store, ['start', '--foreground', '--on', 'EDGE1'])];
  const child = await startChild(process.execPath, args, env);
  await portOpen(child, port);
  return { pids: [child.pid], target: port, stop: child.stop };
}

/**
 * @param {number} port
 * @param {number} smartHostPort
 * @param {ConnectorSettings} settings
 */
function estate(port, smartHostPort, settings) {
  return {
    estate: 1,
    sites: [{ name: 'A' }],
    servers: [
      { name: 'EDGE1', host: 'localhost', site: 'A', roles: ['frontend'], endpoints: { outboundProxy: port } },
      { name: 'MBX1', host: '127.0.0.1', site: 'A', roles: ['mailbox'] },
    ],
    databases: [{ name: 'DB1', copies: ['MBX1'] }],
    domains: [{ name: 'contoso.com', type: 'authoritative' }],
    sendConnectors: [
      {
        name: 'Internet',
        addressSpaces: ['*;1'],
        sources: ['MBX1'],
        frontEndProxy: true,
        smartHosts: [`[127.0.0.1]:${smartHostPort}`],
        ...settings,
      },
    ],
    receiveConnectors: [
      {
        name: 'Outbound Proxy Frontend',
        bindings: [`127.0.0.1:${port}`],
        permissionGroups: ['servers'],
        maxConnections: 100_000,
        maxConnectionsPerSource: 100_000,
        maxConnectionsPercentPerSource: 100,
        connectionTimeout: '1h',
        inactivityTimeout: '10m',
        tarpit: '0s',
      },
    ],
  };
}
