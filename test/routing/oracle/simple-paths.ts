import type { TopologyObjects } from '../../../src/topology/topology.js';

/** A way between sites that visits none twice; `widthBytes` is the largest message that every link takes. */
export interface SimplePath {
  readonly sites: readonly string[];
  readonly cost: number;
  readonly widthBytes: number;
}

export const lower = (name: string): string => name.toLowerCase();

export function orderOf(a: string, b: string): number {
  if (lower(a) === lower(b)) return 0;
  return lower(a) < lower(b) ? -1 : 1;
}

/** The best direct connection of two sites: the cheapest link that both are members of, the widest among equals. */
function connectionOf(
  { links }: TopologyObjects,
  a: string,
  b: string,
): { cost: number; widthBytes: number } | undefined {
  const has = (members: readonly string[], site: string) => members.some((member) => lower(member) === lower(site));
  return links
    .filter((link) => has(link.sites, a) && has(link.sites, b))
    .map((link) => ({ cost: link.mailCost ?? link.cost, widthBytes: link.maxMessageSize ?? Infinity }))
    .sort((x, y) => x.cost - y.cost || (x.widthBytes === y.widthBytes ? 0 : y.widthBytes - x.widthBytes))[0];
}

/** Cost, then hops, then names from the destination's end. */
export function comparePreference(a: SimplePath, b: SimplePath): number {
  if (a.cost !== b.cost) return a.cost - b.cost;
  if (a.sites.length !== b.sites.length) return a.sites.length - b.sites.length;
  const pairs = [...a.sites].reverse().map((site, index) => orderOf(site, [...b.sites].reverse()[index] ?? ''));
  return pairs.find((order) => order !== 0) ?? 0;
}

/** Every way without a circle from a site, walked through one by one; the best for each destination, best first. */
export function bestPaths(objects: TopologyObjects, from: string): SimplePath[] {
  const names = objects.sites.map((site) => site.name);
  const start = names.find((name) => lower(name) === lower(from));
  if (start === undefined) return [];
  const connections = new Map(
    names.flatMap((a) => names.map((b) => [`${a} ${b}`, a === b ? undefined : connectionOf(objects, a, b)] as const)),
  );
  const best = new Map<string, SimplePath>();
  const walk = (path: SimplePath): void => {
    const here = path.sites.at(-1) ?? '';
    const known = best.get(here);
    if (!known || comparePreference(path, known) < 0) best.set(here, path);
    for (const next of names) {
      const connection = connections.get(`${here} ${next}`);
      if (!connection || path.sites.includes(next)) continue;
      const widthBytes = Math.min(path.widthBytes, connection.widthBytes);
      walk({ sites: [...path.sites, next], cost: path.cost + connection.cost, widthBytes });
    }
  };
  walk({ sites: [start], cost: 0, widthBytes: Infinity });
  return [...best.values()].sort(comparePreference);
}
