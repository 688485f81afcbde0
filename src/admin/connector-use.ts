import type { ConnectorChoice } from '../routing/send-connectors.js';
import { selectSendConnector } from '../routing/send-connectors.js';
import type { Reader } from '../store/store.js';
import type { SendConnector, Server } from '../topology/catalogue/catalogue.js';
import { namesText } from '../topology/check/reach.js';
import { compareNames, nameKey } from '../topology/names.js';
import { formatSize } from '../topology/quantities.js';
import type { Topology } from '../topology/topology.js';
import { buildTopology, isMailboxServer } from '../topology/topology.js';
import type { Rival } from './connector-rivals.js';
import { alikeServers, domainAsked, narrowTo, patternsOf, rivalsByPattern, signatureOf } from './connector-rivals.js';

/** How many choices one answer takes at most; address spaces that would take more are only counted. */
const choicesMax = 4000;
const linesMax = 20;

/** What mail of the estate uses a send connector, as text for people. */
export function connectorUseText(reader: Reader, name: string): string {
  const { revision, objects } = reader.topology();
  const topology = buildTopology(revision, objects);
  const connector = topology.sendConnectors.find((other) => nameKey(other.name) === nameKey(name));
  return connector ? `\n${connectorUse(topology, connector).join('\n')}\n` : '';
}

/** For which of its address spaces a send connector is chosen, and from where; and what comes first elsewhere. */
export function connectorUse(topology: Topology, connector: SendConnector): string[] {
  const reason = unusable(topology, connector);
  if (reason !== undefined) return [`not used: ${reason}`];
  const patternsByLine = new Map<string, { readonly line: UseLine; readonly patterns: string[] }>();
  let choicesLeft = choicesMax;
  let skipped = 0;
  for (const { patterns, rivals } of sharedPatterns(topology, connector)) {
    const groups = alikeServers(topology.servers.filter(isMailboxServer), rivals);
    choicesLeft -= groups.length * choicesEach(rivals);
    if (choicesLeft < 0) {
      skipped += patterns.length;
      continue;
    }
    const view = narrowTo(topology, rivals);
    const uses = groups.map((servers) => ({ servers, ...useFrom(view, servers, connector) }));
    for (const line of linesOf(uses)) {
      const key = `${line.before}\n${line.after}`;
      const known = patternsByLine.get(key);
      if (known) known.patterns.push(...patterns);
      else patternsByLine.set(key, { line, patterns: [...patterns] });
    }
  }
  const all = [...patternsByLine.values()].map(({ line, patterns }) => withPatterns(line, patterns));
  const more = all.length > linesMax ? [`and ${all.length - linesMax} lines more`] : [];
  const rest = skipped > 0 ? [`${skipped} more address spaces were not looked at`] : [];
  return [...all.slice(0, linesMax), ...more, ...rest];
}

function unusable(topology: Topology, connector: SendConnector): string | undefined {
  if (!connector.enabled) return 'it is switched off (enabled is false)';
  if (connector.addressSpaces.length === 0) return 'it has no address space';
  const sources = connector.sources.flatMap((name) => topology.server(name) ?? []);
  return sources.some(isMailboxServer) ? undefined : 'none of its sources is a mailbox server';
}

/** The connector's patterns, those with the same rivals together. */
function sharedPatterns(
  topology: Topology,
  connector: SendConnector,
): Iterable<{ readonly patterns: string[]; readonly rivals: readonly Rival[] }> {
  const rivalsOf = rivalsByPattern(topology);
  const shared = new Map<string, { readonly patterns: string[]; readonly rivals: readonly Rival[] }>();
  for (const pattern of patternsOf(connector).keys()) {
    const rivals = rivalsOf.get(pattern) ?? [];
    const signature = signatureOf(rivals);
    const known = shared.get(signature);
    if (known) known.patterns.push(pattern);
    else shared.set(signature, { patterns: [pattern], rivals });
  }
  return shared.values();
}

/** What becomes of a pattern's mail from one place. */
type Use =
  /** `overBytes`: only of messages that are too large for the connectors before it; null: of all. */
  | { readonly kind: 'chosen'; readonly overBytes: number | null }
  | { readonly kind: 'other'; readonly winner: string; readonly words: string }
  | { readonly kind: 'none' };

type UseFrom = Use & { readonly servers: readonly Server[] };

/** At most how many choices it takes to tell the use from one place: the smallest size, the largest, and between. */
const choicesEach = (rivals: readonly Rival[]): number => 2 + Math.ceil(Math.log2(rivals.length + 1));

/** The use from servers that choose alike. A larger message has fewer rivals, so who is chosen for one stays chosen. */
function useFrom(view: Topology, [server]: readonly Server[], connector: SendConnector): Use {
  if (!server) return { kind: 'none' };
  const choose = (sizeBytes: number | null): ConnectorChoice =>
    selectSendConnector({ topology: view, server, domain: domainAsked, sizeBytes });
  const isChosen = (choice: ConnectorChoice): boolean =>
    choice.kind === 'chosen' && choice.connector.name === connector.name;
  if (isChosen(choose(null))) return { kind: 'chosen', overBytes: null };
  const largest = choose(connector.maxMessageSize);
  if (!isChosen(largest)) {
    if (largest.kind !== 'chosen') return { kind: 'none' };
    return { kind: 'other', winner: largest.connector.name, words: wordsOf(largest) };
  }
  const limits = smallerLimits(view, connector);
  let [from, to] = [0, limits.length - 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isChosen(choose((limits[middle] ?? 0) + 1))) to = middle;
    else from = middle + 1;
  }
  return { kind: 'chosen', overBytes: limits[from] ?? null };
}

/** The size limits below the connector's own, the least first. */
function smallerLimits(view: Topology, connector: SendConnector): number[] {
  const limits = new Set(view.sendConnectors.map(({ maxMessageSize }) => maxMessageSize));
  return [...limits].filter((limit) => limit < connector.maxMessageSize).sort((a, b) => a - b);
}

/** `"Y" (cost 1+1, 0 hops)`: the chosen one with what it was compared by, as the selection says it. */
function wordsOf(choice: Extract<ConnectorChoice, { kind: 'chosen' }>): string {
  const { name } = choice.connector;
  const compared = choice.trace[0]?.detail.slice(name.length) ?? '';
  return `"${name}"${compared.slice(0, compared.indexOf(')') + 1)}`;
}

/** A line with room for the address spaces that it holds for. */
interface UseLine {
  readonly before: string;
  readonly after: string;
}

function withPatterns({ before, after }: UseLine, patterns: readonly string[]): string {
  return `${before} ${namesText(patterns.map((name) => ({ name: name === '*' ? 'any other domain' : name })))}${after}`;
}

function linesOf(uses: readonly UseFrom[]): UseLine[] {
  const chosen = uses.filter((use) => use.kind === 'chosen');
  const others = new Map<string, string>();
  for (const use of uses) {
    if (use.kind === 'other' && !others.has(use.winner)) others.set(use.winner, use.words);
  }
  const names = namesText([...others.values()].map((name) => ({ name })));
  const winners = names === '' ? '' : `${names} ${others.size === 1 ? 'comes' : 'come'} first`;
  if (chosen.length === 0) return [{ before: 'never used for', after: winners === '' ? '' : `: ${winners}` }];
  const limits = [...new Set(chosen.map(({ overBytes }) => overBytes))].sort((a, b) => (a ?? 0) - (b ?? 0));
  const elsewhere = winners === '' ? '' : `; elsewhere ${winners}`;
  return limits.map((limit) => {
    const over = limit === null ? '' : ` over ${formatSize(limit)}`;
    const servers = chosen.filter(({ overBytes }) => overBytes === limit).flatMap((use) => use.servers);
    return { before: 'used for:', after: `${over}, from ${placesText(servers)}${elsewhere}` };
  });
}

/** `site A (HQ1, HQ2), site B (BR1)`. */
function placesText(servers: readonly Server[]): string {
  const bySite = new Map<string, Server[]>();
  for (const server of [...servers].sort((a, b) => compareNames(a.name, b.name))) {
    const known = bySite.get(nameKey(server.site));
    if (known) known.push(server);
    else bySite.set(nameKey(server.site), [server]);
  }
  const sites = [...bySite].sort(([a], [b]) => compareNames(a, b));
  return namesText(sites.map(([, own]) => ({ name: `site ${own[0]?.site ?? ''} (${namesText(own)})` })));
}
