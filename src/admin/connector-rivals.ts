import type { SendConnector, Server } from '../topology/catalogue/catalogue.js';
import { parseAddressSpace } from '../topology/formats.js';
import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';

/*
 * A connector competes for a domain that one of its patterns matches, and nothing more specific does, only with
 * connectors of that very pattern. So one choice among these, for any domain, tells who is chosen for the pattern.
 */

/** What connectors narrowed to a pattern are asked for. */
export const domainAsked = 'any.invalid';

/** An enabled connector with the least cost that it has for one pattern. */
export interface Rival {
  readonly connector: SendConnector;
  readonly cost: number;
}

export type RivalsByPattern = ReadonlyMap<string, readonly Rival[]>;

/** The patterns of a connector's address spaces, each with its least cost. */
export function patternsOf(connector: SendConnector): Map<string, number> {
  const costs = new Map<string, number>();
  for (const text of connector.addressSpaces) {
    const space = parseAddressSpace(text);
    if (space) costs.set(space.pattern, Math.min(space.cost, costs.get(space.pattern) ?? space.cost));
  }
  return costs;
}

/** The enabled connectors of every pattern. */
export function rivalsByPattern(topology: Topology): RivalsByPattern {
  const index = new Map<string, Rival[]>();
  for (const connector of topology.sendConnectors.filter(({ enabled }) => enabled)) {
    for (const [pattern, cost] of patternsOf(connector)) {
      const known = index.get(pattern);
      if (known) known.push({ connector, cost });
      else index.set(pattern, [{ connector, cost }]);
    }
  }
  return index;
}

/** A topology in which there are only these connectors, all for one pattern. */
export function narrowTo(topology: Topology, rivals: readonly Rival[]): Topology {
  const sendConnectors = rivals.map(({ connector, cost }) => ({ ...connector, addressSpaces: [`*;${cost}`] }));
  return { ...topology, sendConnectors };
}

/** The same for patterns with the same rivals at the same costs, which are therefore chosen alike. */
export const signatureOf = (rivals: readonly Rival[]): string =>
  JSON.stringify(rivals.map(({ connector, cost }) => [connector.name, cost]));

/** Servers in groups that choose alike: each source by itself, and the others of each site together. */
export function alikeServers(servers: readonly Server[], rivals: readonly Rival[]): Server[][] {
  const sources = new Set(rivals.flatMap(({ connector }) => connector.sources.map(nameKey)));
  const groups = new Map<string, Server[]>();
  for (const server of servers) {
    const name = nameKey(server.name);
    const key = sources.has(name) ? `source ${name}` : `site ${nameKey(server.site)}`;
    const group = groups.get(key);
    if (group) group.push(server);
    else groups.set(key, [server]);
  }
  return [...groups.values()];
}
