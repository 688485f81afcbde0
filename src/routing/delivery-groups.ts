import type { Database, Server } from '../topology/catalogue/catalogue.js';
import { compareNames, nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import type { DeliveryGroup } from './decision.js';
import type { PathTable, SitePath } from './paths.js';
import { comparePaths } from './paths.js';

/** The servers that may take mail for a database. */
export interface ServerGroup extends DeliveryGroup {
  readonly servers: readonly Server[];
}

const groups = new WeakMap<Topology, Map<Server, ServerGroup>>();

/**
 * The delivery group of a database: the whole DAG, else the mailbox servers of its site that are in no DAG. A server
 * that accepts mail only for its own mailboxes is a group of its own while it holds the active copy. Databases that
 * are active on one server have one group, worked out once for a topology.
 */
export function deliveryGroupOf(topology: Topology, database: Database): ServerGroup | undefined {
  const active = topology.server(database.active);
  if (!active) return undefined;
  const known = groups.get(topology)?.get(active);
  if (known) return known;
  const group = groupAround(topology, active);
  groups.set(topology, (groups.get(topology) ?? new Map<Server, ServerGroup>()).set(active, group));
  return group;
}

function groupAround(topology: Topology, active: Server): ServerGroup {
  if (active.accepts === 'own') return { kind: 'server-list', name: active.name, servers: [active] };
  if (active.dag !== null) {
    return { kind: 'dag', name: active.dag, servers: topology.membersOf(active.dag).filter(takesAnyMail) };
  }
  const alone = topology.mailboxServersOf(active.site).filter((server) => server.dag === null && takesAnyMail(server));
  return { kind: 'mailbox', name: active.site, servers: alone };
}

/** Whether a server takes mail for every recipient. */
export const takesAnyMail = (server: Server): boolean => server.accepts === 'any';

/** The members of a group in one site, and the way there. */
export interface SiteMembers {
  readonly path: SitePath;
  readonly servers: readonly Server[];
}

const placed = new WeakMap<PathTable, WeakMap<readonly Server[], readonly SiteMembers[]>>();

/**
 * The members of a group by site, nearest site first; sites that cannot be reached are left out. Worked out once for
 * a list of servers and a table.
 */
export function membersBySite(servers: readonly Server[], paths: PathTable): readonly SiteMembers[] {
  const known = placed.get(paths)?.get(servers);
  if (known) return known;
  const members = placeMembers(servers, paths);
  const lists = placed.get(paths) ?? new WeakMap<readonly Server[], readonly SiteMembers[]>();
  placed.set(paths, lists.set(servers, members));
  return members;
}

function placeMembers(servers: readonly Server[], paths: PathTable): SiteMembers[] {
  const bySite = new Map<string, { path: SitePath; servers: Server[] }>();
  for (const server of servers) {
    const key = nameKey(server.site);
    const path = paths.get(key);
    if (!path) continue;
    const entry = bySite.get(key);
    if (entry) entry.servers.push(server);
    else bySite.set(key, { path, servers: [server] });
  }
  return [...bySite.values()].sort((a, b) => comparePaths(a.path, b.path));
}

/** `DAG DAG1`, `the servers of site A in no DAG`. */
export function groupWords(group: DeliveryGroup): string {
  if (group.kind === 'dag') return group.name;
  if (group.kind === 'server-list') return `${group.name} alone (it accepts only its own mailboxes)`;
  return group.kind === 'mailbox' ? `the servers of site ${group.name} that are in no DAG` : `site ${group.name}`;
}

/** Orders groups by name; a DAG and a site may have the same one. */
export const compareGroups = (a: DeliveryGroup, b: DeliveryGroup): number =>
  compareNames(a.name, b.name) || compareNames(a.kind, b.kind);
