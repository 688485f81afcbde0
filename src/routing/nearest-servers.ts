import type { Server } from '../topology/catalogue/catalogue.js';
import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import type { CandidateSet } from './candidates.js';
import { comparePaths, pathsFrom, pathWords } from './paths.js';

const known = new WeakMap<Topology, Map<string, readonly CandidateSet[]>>();

/** The mailbox servers of a site, then those of the other sites by the cost for clients; worked out once for a topology. */
export function nearestServers(topology: Topology, site: string): readonly CandidateSet[] {
  const bySite = known.get(topology) ?? new Map<string, readonly CandidateSet[]>();
  known.set(topology, bySite);
  const key = nameKey(site);
  const sets = bySite.get(key) ?? setsFrom(topology, site);
  bySite.set(key, sets);
  return sets;
}

function setsFrom(topology: Topology, site: string): readonly CandidateSet[] {
  const near = [...pathsFrom(topology, site, 'client').values()].sort(comparePaths);
  return near.map((path) => ({
    why: nameKey(path.site.name) === nameKey(site) ? 'mailbox servers of the own site' : `nearest: ${pathWords(path)}`,
    servers: topology.mailboxServersOf(path.site.name),
    path,
  }));
}

/** The same servers, those that are failing after all others. */
export function failingLast(
  sets: readonly CandidateSet[],
  isFailing: (server: Server) => boolean,
): readonly CandidateSet[] {
  if (!sets.some(({ servers }) => servers.some(isFailing))) return sets;
  const working = sets.map((set) => ({ ...set, servers: set.servers.filter((server) => !isFailing(server)) }));
  const failing = sets.map((set) => ({
    ...set,
    why: `not reached lately, ${set.why}`,
    servers: set.servers.filter(isFailing),
  }));
  return [...working, ...failing].filter(({ servers }) => servers.length > 0);
}
