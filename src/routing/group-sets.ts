import type { Server } from '../topology/catalogue/catalogue.js';
import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import type { CandidateSet } from './candidates.js';
import type { ServerGroup } from './delivery-groups.js';
import { groupWords, membersBySite, takesAnyMail } from './delivery-groups.js';
import type { PathTable, SitePath } from './paths.js';

/** Members of the group by site, then other servers of the nearest site, then back along the way. */
export function memberSets(topology: Topology, from: string, group: ServerGroup, paths: PathTable): CandidateSet[] {
  const bySite = membersBySite(group.servers, paths);
  const words = group.kind === 'connector' ? `sources of connector "${group.name}"` : groupWords(group);
  const members = bySite.map(({ path, servers }, index) => ({
    why: index === 0 ? `${words}, nearest site ${path.site.name}` : `${words} in site ${path.site.name}`,
    servers,
    path,
  }));
  const primary = bySite[0]?.path;
  const isHere = bySite.some(({ path }) => nameKey(path.site.name) === nameKey(from));
  if (!primary || isHere) return members;
  const neighbours = {
    why: `other servers of site ${primary.site.name}`,
    servers: generalServers(topology, primary.site.name),
    path: primary,
  };
  return primary.site.hub
    ? [...members.slice(0, 1), neighbours, ...members.slice(1), ...backOff(topology, primary)]
    : [...members, neighbours, ...backOff(topology, primary)];
}

/** The first hub site after the start of a way, the last site included. */
export function firstHub(path: SitePath): SitePath | undefined {
  let hub: SitePath | undefined;
  for (let at: SitePath | undefined = path; at?.previous; at = at.previous) {
    if (at.site.hub) hub = at;
  }
  return hub;
}

/** Sites of the way between its ends, from the destination back: mail waits as near to it as it gets. */
export function backOff(topology: Topology, path: SitePath): CandidateSet[] {
  const sets: CandidateSet[] = [];
  for (let at = path.previous; at?.previous; at = at.previous) {
    sets.push({
      why: `back along the way in site ${at.site.name}`,
      servers: generalServers(topology, at.site.name),
      path: at,
    });
  }
  return sets;
}

/** Mailbox servers of a site that take mail for every recipient. */
export const generalServers = (topology: Topology, site: string): Server[] =>
  topology.mailboxServersOf(site).filter(takesAnyMail);
