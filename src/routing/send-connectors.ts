import type { SendConnector, Server } from '../topology/catalogue/catalogue.js';
import { parseAddressSpace } from '../topology/formats.js';
import { compareNames, nameKey } from '../topology/names.js';
import { formatSize } from '../topology/quantities.js';
import type { Topology } from '../topology/topology.js';
import { isMailboxServer } from '../topology/topology.js';
import type { TraceStep } from './decision.js';
import { step } from './decision.js';
import { takesAnyMail } from './delivery-groups.js';
import type { PathTable } from './paths.js';
import { pathsFrom } from './paths.js';

/** Mail for a domain outside, at a server that looks for its way out. */
export interface OutboundQuestion {
  readonly topology: Topology;
  readonly server: Server;
  /** In lower-case A-labels. */
  readonly domain: string;
  readonly sizeBytes: number | null;
}

export type ConnectorChoice =
  | { readonly kind: 'chosen'; readonly connector: SendConnector; readonly trace: readonly TraceStep[] }
  /** Nothing matches the domain, or only what is too narrow for the message. */
  | { readonly kind: 'none' | 'too-large'; readonly trace: readonly TraceStep[] };

/** A connector that matches, and what it is compared by. */
interface Candidate {
  readonly connector: SendConnector;
  readonly specificity: number;
  readonly cost: number;
  readonly hops: number;
  readonly words: string;
}

/** The address spaces of a connector as they are looked up, each with its least cost. */
interface SpaceIndex {
  readonly exact: ReadonlyMap<string, number>;
  /** Of `*.domain`, by the domain. */
  readonly suffixes: ReadonlyMap<string, number>;
  /** Of `*`. */
  readonly any: number | undefined;
}

const spaceIndexes = new WeakMap<SendConnector, SpaceIndex>();

/** The address spaces of a connector, read once. */
function spacesOf(connector: SendConnector): SpaceIndex {
  const known = spaceIndexes.get(connector);
  if (known !== undefined) return known;
  const exact = new Map<string, number>();
  const suffixes = new Map<string, number>();
  const any = new Map<string, number>();
  for (const { pattern, cost } of connector.addressSpaces.flatMap((text) => parseAddressSpace(text) ?? [])) {
    const isSuffix = pattern.startsWith('*.');
    const costs = pattern === '*' ? any : isSuffix ? suffixes : exact;
    const key = isSuffix ? pattern.slice(2) : pattern;
    costs.set(key, Math.min(cost, costs.get(key) ?? cost));
  }
  const index = { exact, suffixes, any: any.get('*') };
  spaceIndexes.set(connector, index);
  return index;
}

/** The best address space for a domain: an exact name before `*.domain` (longer first) before `*`. */
function spaceOf(connector: SendConnector, domain: string): { specificity: number; cost: number } | undefined {
  const { exact, suffixes, any } = spacesOf(connector);
  const named = exact.get(domain);
  if (named !== undefined) return { specificity: Number.MAX_SAFE_INTEGER, cost: named };
  for (let at = 0; suffixes.size > 0 && at >= 0; ) {
    const base = domain.slice(at);
    const cost = suffixes.get(base);
    if (cost !== undefined) return { specificity: base.length, cost };
    const dot = domain.indexOf('.', at);
    at = dot < 0 ? -1 : dot + 1;
  }
  return any === undefined ? undefined : { specificity: 0, cost: any };
}

/** The sources that can send what a server has for them: mailbox servers, this one or such as take mail for anybody. */
export function sourcesFor(connector: SendConnector, server: Server, topology: Topology): Server[] {
  const named = new Set(connector.sources.flatMap((name) => topology.server(name) ?? []));
  return [...named].filter((source) => isMailboxServer(source) && (source === server || takesAnyMail(source)));
}

/** The way from a server to the nearest of a connector's sources: this server, a neighbour, another site. */
function wayTo(
  connector: SendConnector,
  server: Server,
  topology: Topology,
  paths: PathTable,
): { cost: number; hops: number } | undefined {
  return sourcesFor(connector, server, topology)
    .flatMap((source) => {
      const path = paths.get(nameKey(source.site));
      if (!path) return [];
      return [{ cost: path.cost, hops: source === server ? 0 : path.hops + 1 }];
    })
    .sort((a, b) => a.cost - b.cost || a.hops - b.hops)[0];
}

function inScope(connector: SendConnector, server: Server, topology: Topology): boolean {
  const ownSite = (name: string): boolean => nameKey(topology.server(name)?.site ?? '') === nameKey(server.site);
  return !connector.scoped || connector.sources.some(ownSite);
}

function candidatesOf(question: OutboundQuestion, connectors: readonly SendConnector[]): Candidate[] {
  const { topology, server, domain } = question;
  const paths = pathsFrom(topology, server.site, 'mail');
  return connectors.flatMap((connector) => {
    const space = connector.enabled ? spaceOf(connector, domain) : undefined;
    if (!space || !inScope(connector, server, topology)) return [];
    const way = wayTo(connector, server, topology, paths);
    if (!way) return [];
    const words = `${connector.name} (cost ${way.cost}+${space.cost}, ${way.hops} hops)`;
    return [{ connector, specificity: space.specificity, cost: way.cost + space.cost, hops: way.hops, words }];
  });
}

const leftOutMax = 5;

/** Connectors for the domain that were not asked, and why. */
function leftOut({ topology, domain, sizeBytes }: OutboundQuestion): TraceStep[] {
  const byName = topology.sendConnectors.toSorted((a, b) => compareNames(a.name, b.name));
  const words = byName.flatMap((connector) => {
    const { name, enabled, maxMessageSize } = connector;
    const isNarrow = sizeBytes !== null && sizeBytes > maxMessageSize;
    if ((enabled && !isNarrow) || spaceOf(connector, domain) === undefined) return [];
    return [`${name} (${enabled ? `takes ${formatSize(maxMessageSize)}` : 'switched off'})`];
  });
  if (words.length === 0) return [];
  const more = words.length > leftOutMax ? ` and ${words.length - leftOutMax} more` : '';
  return [step('send-connector/left-out', `${words.slice(0, leftOutMax).join(', ')}${more}`)];
}

/**
 * The one send connector for a domain: those that take the size, are enabled, in scope and match; the most specific
 * address space; the lowest sum of way and address space cost; the fewest hops; the lowest name. Equals never share.
 */
export function selectSendConnector(question: OutboundQuestion): ConnectorChoice {
  const { topology, domain, sizeBytes } = question;
  const wide = topology.sendConnectors.filter(
    ({ maxMessageSize }) => sizeBytes === null || sizeBytes <= maxMessageSize,
  );
  const candidates = candidatesOf(question, wide).sort(
    (a, b) =>
      b.specificity - a.specificity ||
      a.cost - b.cost ||
      a.hops - b.hops ||
      compareNames(a.connector.name, b.connector.name),
  );
  const [best, ...others] = candidates;
  if (best) {
    const rest = others.slice(0, 5).map(({ words }) => words);
    const detail = `${best.words} for ${domain}${rest.length > 0 ? ` before ${rest.join(', ')}` : ''}`;
    const trace = [step('send-connector/chosen', detail), ...leftOut(question)];
    return { kind: 'chosen', connector: best.connector, trace };
  }
  if (candidatesOf(question, topology.sendConnectors).length > 0) {
    const detail = `${formatSize(sizeBytes ?? 0)} is too large for every connector that takes ${domain}`;
    return { kind: 'too-large', trace: [step('send-connector/too-large', detail)] };
  }
  return { kind: 'none', trace: [step('send-connector/none', `no enabled send connector in scope takes ${domain}`)] };
}
