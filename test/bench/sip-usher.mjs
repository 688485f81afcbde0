import { freePort, portOpen, startChild, tempDir } from './child.mjs';
import { extensions, pilots } from './sip-load.mjs';
import { makeStore, usherCommand } from './usher.mjs';

/** @typedef {import('./sip-systems.mjs').SipPorts} SipPorts */

/**
 * Starts a front end with the doors for calls, whose one gateway is known by the address 127.0.0.1.
 * @param {import('./mail-access-stage.mjs').Certificate} certificate
 * @param {readonly string[]} [nodeOptions]
 * @returns {Promise<import('./harness.mjs').Running<SipPorts>>}
 */
export async function startCallRouter(certificate, nodeOptions = []) {
  const ports = { clear: await freePort(), tls: await freePort() };
  const store = await makeStore(estate(ports, certificate));
  const directory = tempDir('runtime');
  const env = { XDG_RUNTIME_DIR: directory, XDG_STATE_HOME: directory };
  const node = [...nodeOptions, ...(process.env['USHER_BENCH_NODE']?.split(' ') ?? [])];
  const args = [...node, ...usherCommand(store, ['start', '--foreground', '--on', 'EDGE1'])];
  const child = await startChild(process.execPath, args, env);
  await portOpen(child, ports.clear);
  await portOpen(child, ports.tls);
  return { pids: [child.pid], target: ports, stop: child.stop };
}

/**
 * @param {SipPorts} ports
 * @param {import('./mail-access-stage.mjs').Certificate} certificate
 */
function estate({ clear, tls }, { certFile, keyFile }) {
  const door = { server: 'EDGE1', protocol: 'sip' };
  const clearBind = `127.0.0.1:${clear}`;
  return {
    estate: 1,
    sites: [{ name: 'A' }],
    servers: [
      { name: 'EDGE1', host: 'localhost', site: 'A', roles: ['frontend'] },
      { name: 'MBX1', host: '127.0.0.1', site: 'A', roles: ['mailbox'] },
    ],
    databases: [{ name: 'DB1', copies: ['MBX1'] }],
    domains: [{ name: 'contoso.com', type: 'authoritative' }],
    mailboxes: Array.from({ length: extensions.count }, (_, place) => ({
      address: `user${place}@contoso.com`,
      database: 'DB1',
      extension: String(extensions.first + place),
    })),
    certificates: [{ name: 'bench', certFile, keyFile }],
    listeners: [
      { name: 'SIP', ...door, bind: clearBind },
      { name: 'SIP over UDP', ...door, bind: clearBind, transport: 'udp' },
      { name: 'SIPS', ...door, bind: `127.0.0.1:${tls}`, tls: 'implicit', certificate: 'bench' },
    ],
    callGateways: [{ name: 'GW1', address: '127.0.0.1' }],
    dialPlans: [
      { name: 'DP1', uriType: 'extension', security: 'unsecured', digits: 4 },
      { name: 'DP2', uriType: 'extension', security: 'sip-secured', digits: 4 },
    ],
    huntGroups: [
      { name: 'HG1', gateway: 'GW1', dialPlan: 'DP1', pilot: pilots.clear },
      { name: 'HG2', gateway: 'GW1', dialPlan: 'DP2', pilot: pilots.tls },
    ],
  };
}
