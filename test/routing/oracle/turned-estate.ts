import type { TopologyObjects } from '../../../src/topology/topology.js';
import type { EstateObjects } from '../build-estate.js';

/** The same estate with the objects of every section, and the lists whose order means nothing, turned around. */
export function turned({ objects, mailboxes, groups, contacts }: EstateObjects): EstateObjects {
  const { sites, links, dags, servers, databases, domains, receiveConnectors, sendConnectors } = objects;
  const around: TopologyObjects = {
    ...objects,
    sites: sites.toReversed(),
    links: links.map((link) => ({ ...link, sites: link.sites.toReversed() })).toReversed(),
    dags: dags.toReversed(),
    servers: servers.map((server) => ({ ...server, components: server.components.toReversed() })).toReversed(),
    databases: databases.toReversed(),
    domains: domains.toReversed(),
    receiveConnectors: receiveConnectors.toReversed(),
    sendConnectors: sendConnectors
      .map((connector) => ({ ...connector, addressSpaces: connector.addressSpaces.toReversed() }))
      .toReversed(),
  };
  const directory = { mailboxes: mailboxes.toReversed(), groups: groups.toReversed(), contacts: contacts.toReversed() };
  return { objects: around, ...directory };
}
