import { freePort } from './child.mjs';
import { recipient } from './smtp-load.mjs';
import { startUsher } from './usher.mjs';

/**
 * Starts a front end with its filters on, in front of the sink.
 * @param {number} sinkPort
 * @returns {Promise<import('./harness.mjs').Running<number>>}
 */
export async function startMailFrontEnd(sinkPort) {
  const port = await freePort();
  const { pid, stop } = await startUsher(estate(port, sinkPort), port);
  return { pids: [pid], target: port, stop };
}

/**
 * @param {number} port
 * @param {number} sinkPort
 */
function estate(port, sinkPort) {
  return {
    estate: 1,
    sites: [{ name: 'A' }],
    servers: [
      { name: 'EDGE1', host: 'localhost', site: 'A', roles: ['frontend'] },
      {
        name: 'MBX1',
        host: '127.0.0.1',
        site: 'A',
        roles: ['mailbox'],
        accepts: 'own',
        endpoints: { smtp: { port: sinkPort, tls: 'none' } },
      },
    ],
    databases: [{ name: 'DB1', copies: ['MBX1'] }],
    mailboxes: [{ address: recipient, database: 'DB1' }],
    domains: [{ name: 'example.org', type: 'authoritative' }],
    receiveConnectors: [
      {
        name: 'Internet',
        bindings: [`127.0.0.1:${port}`],
        permissionGroups: ['anonymous'],
        maxConnections: 100_000,
        maxConnectionsPerSource: 100_000,
        maxConnectionsPercentPerSource: 100,
        connectionTimeout: '1h',
        inactivityTimeout: '10m',
      },
    ],
    filters: {
      ipBlock: [{ range: '192.0.2.0/24' }, { range: '198.51.100.7' }, { range: '2001:db8::/32' }],
      senders: { blocked: ['spam@wingtip.com'], blockedDomainsAndSubdomains: ['adatum.com'] },
      recipients: { blocked: ['board@example.org'], validate: true },
    },
  };
}
