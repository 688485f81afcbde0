import { nameKey } from '../names.js';
import type { Topology } from '../topology.js';
import { isFrontEnd } from '../topology.js';
import type { Finding } from './finding.js';
import { warningOf } from './finding.js';
import { connectedSites, namesText } from './reach.js';

const warning = warningOf('site');

export function checkSites(topology: Topology): Finding[] {
  const frontEndSites = new Set(topology.servers.filter(isFrontEnd).map((server) => nameKey(server.site)));
  const findings = topology.sites.flatMap((site) => {
    const found: Finding[] = [];
    const mailboxServers = topology.mailboxServersOf(site.name);
    if (site.hub && mailboxServers.length === 0) {
      const message = 'is a hub site without a mailbox server; mail that must stop there has nowhere to go';
      found.push(warning(site.name, ['hub'], 'hub-without-server', message));
    }
    if (mailboxServers.length > 0 && !frontEndSites.has(nameKey(site.name))) {
      const message = `has mailbox servers (${namesText(mailboxServers)}) and no front end`;
      found.push(warning(site.name, [], 'site-without-front-end', message));
    }
    if (topology.sites.length > 1 && topology.linksOf(site.name).length === 0) {
      found.push(warning(site.name, [], 'site-without-link', 'has no link; nothing can reach it from other sites'));
    }
    return found;
  });
  return [...findings, ...checkPartition(topology)];
}

/** Groups of linked sites that no link leads to; a site without any link is told by itself. */
function checkPartition(topology: Topology): Finding[] {
  const [largest, ...others] = connectedSites(topology);
  if (!largest) return [];
  return others.flatMap((group) => {
    const [first, ...rest] = group;
    if (!first || rest.length === 0) return [];
    const message = `is linked with ${namesText(rest)}, but no links lead from there to ${namesText(largest)}; add a link between them`;
    return [warning(first.name, [], 'sites-apart', message)];
  });
}
