import type { Link, Site } from '../topology/catalogue/catalogue.js';
import { compareNames, nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';

/** What a link costs: mail goes by the mail cost where one is set. */
export type Metric = 'mail' | 'client';

/** The best way to a site from a given one. */
export interface SitePath {
  readonly site: Site;
  readonly cost: number;
  readonly hops: number;
  readonly previous: SitePath | undefined;
  /** The link to here from the previous site. */
  readonly link: Link | undefined;
}

/**
 * Best ways from one site to all that can be reached, by site key: least cost, then fewest hops, then the lowest names
 * compared from the destination's end (mail routing, order of path choice).
 */
export type PathTable = ReadonlyMap<string, SitePath>;

const tables = new WeakMap<Topology, Map<string, PathTable>>();

/** The ways from a site; worked out once for a topology. */
export function pathsFrom(topology: Topology, from: string, metric: Metric): PathTable {
  const known = tables.get(topology) ?? new Map<string, PathTable>();
  tables.set(topology, known);
  const key = `${metric} ${nameKey(from)}`;
  const table = known.get(key) ?? findPaths(topology, from, metric);
  known.set(key, table);
  return table;
}

/** Dijkstra over (cost, hops): costs are positive, so a way settled is a way found. */
function findPaths(topology: Topology, from: string, metric: Metric): PathTable {
  const settled = new Map<string, SitePath>();
  const start = topology.site(from);
  const open = new Map<string, SitePath>();
  if (start) open.set(nameKey(start.name), { site: start, cost: 0, hops: 0, previous: undefined, link: undefined });
  while (open.size > 0) {
    const [key, best] = [...open].reduce((least, entry) => (comparePaths(entry[1], least[1]) < 0 ? entry : least));
    open.delete(key);
    settled.set(key, best);
    for (const { to, link } of topology.linksOf(best.site.name)) {
      const toKey = nameKey(to.name);
      if (settled.has(toKey)) continue;
      const cost = best.cost + (metric === 'mail' ? (link.mailCost ?? link.cost) : link.cost);
      const path: SitePath = { site: to, cost, hops: best.hops + 1, previous: best, link };
      const other = open.get(toKey);
      if (!other || (comparePaths(path, other) || compareParallel(link, other.link)) < 0) open.set(toKey, path);
    }
  }
  return settled;
}

/** Orders links of one cost between two sites: the one for larger messages first, then the names. */
function compareParallel(a: Link, b: Link | undefined): number {
  if (!b || a.maxMessageSize === b.maxMessageSize) return compareNames(a.name, b?.name ?? '');
  return (b.maxMessageSize ?? Infinity) - (a.maxMessageSize ?? Infinity);
}

/** Orders two ways: cost, hops, then names from the destination's end, the destination included. */
export function comparePaths(a: SitePath, b: SitePath): number {
  if (a.cost !== b.cost) return a.cost - b.cost;
  if (a.hops !== b.hops) return a.hops - b.hops;
  let left: SitePath | undefined = a;
  let right: SitePath | undefined = b;
  while (left && right && left !== right) {
    const order = compareNames(left.site.name, right.site.name);
    if (order !== 0) return order;
    left = left.previous;
    right = right.previous;
  }
  return 0;
}

/** The sites of a way, from its start to its end. */
export function sitesOf(path: SitePath): Site[] {
  const sites: Site[] = [];
  for (let at: SitePath | undefined = path; at; at = at.previous) sites.unshift(at.site);
  return sites;
}

/** The first link on a way that is too narrow for a message. */
export function narrowLink(path: SitePath, sizeBytes: number): Link | undefined {
  for (let at: SitePath | undefined = path; at; at = at.previous) {
    if (at.link && at.link.maxMessageSize !== null && at.link.maxMessageSize < sizeBytes) return at.link;
  }
  return undefined;
}

/** `A-B-C (cost 20)`. */
export function pathWords(path: SitePath): string {
  const sites = sitesOf(path).map((site) => site.name);
  return sites.length === 1 ? `${path.site.name} (own site)` : `${sites.join('-')} (cost ${path.cost})`;
}
