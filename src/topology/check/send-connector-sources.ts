import type { SendConnector } from '../catalogue/catalogue.js';
import { nameKey } from '../names.js';
import type { Topology } from '../topology.js';
import { isFrontEnd, isMailboxServer } from '../topology.js';
import type { Finding } from './finding.js';
import { warningOf } from './finding.js';

const warning = warningOf('send-connector');

/** Sources that cannot send, and sites whose front ends should send for them and are not there. */
export function checkSendConnectorSources(topology: Topology): Finding[] {
  return topology.sendConnectors.flatMap((connector) => [
    ...checkRoles(topology, connector),
    ...checkFrontEnds(topology, connector),
  ]);
}

function checkRoles(topology: Topology, connector: SendConnector): Finding[] {
  return connector.sources.flatMap((name, index) => {
    const server = topology.server(name);
    if (!server || isMailboxServer(server)) return [];
    const message = `has source ${server.name}, which is no mailbox server; only mailbox servers send through a connector`;
    return [warning(connector.name, ['sources', index], 'source-no-mailbox-server', message)];
  });
}

function checkFrontEnds(topology: Topology, connector: SendConnector): Finding[] {
  if (!connector.frontEndProxy) return [];
  const served = new Set(topology.servers.filter(isFrontEnd).map(({ site }) => nameKey(site)));
  const sites = connector.sources.flatMap((name) => topology.server(name)?.site ?? []);
  const bare = [...new Map(sites.map((site) => [nameKey(site), site]))].filter(([key]) => !served.has(key));
  if (bare.length === 0) return [];
  const names = bare.map(([, site]) => site).join(', ');
  const message = `sends through a front end of the source's site, and there is none in ${names}; add one there, or set frontEndProxy to false`;
  return [warning(connector.name, ['frontEndProxy'], 'proxy-without-front-end', message)];
}
