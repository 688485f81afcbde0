import { selectSendConnector } from '../routing/send-connectors.js';
import type { SendConnector, Server } from '../topology/catalogue/catalogue.js';
import type { Finding } from '../topology/check/finding.js';
import { warningOf } from '../topology/check/finding.js';
import { namesText } from '../topology/check/reach.js';
import { parseAddressSpace } from '../topology/formats.js';
import { domainKey } from '../topology/mail-address.js';
import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import { isMailboxServer } from '../topology/topology.js';

/** How many choices one check makes at most; connectors and domains whose answer would take more are taken to be well. */
const choicesMax = 2000;

/** A label that no address space of an estate has, for a domain that only the pattern itself and wider ones match. */
const freshLabel = 'a-name-that-nobody-has-taken';

/** Send connectors that are never chosen, and relay domains that none is chosen for. */
export function checkSendConnectors(topology: Topology): Finding[] {
  const spaces = spacesByPattern(topology);
  return [...findShadowed(topology, spaces), ...findUnserved(topology, spaces)];
}

/** An enabled connector with the least cost that it has for one pattern. */
interface Space {
  readonly connector: SendConnector;
  readonly cost: number;
}

type SpacesByPattern = ReadonlyMap<string, readonly Space[]>;

function patternsOf(connector: SendConnector): Map<string, number> {
  const costs = new Map<string, number>();
  for (const text of connector.addressSpaces) {
    const space = parseAddressSpace(text);
    if (space) costs.set(space.pattern, Math.min(space.cost, costs.get(space.pattern) ?? space.cost));
  }
  return costs;
}

function spacesByPattern(topology: Topology): SpacesByPattern {
  const index = new Map<string, Space[]>();
  for (const connector of topology.sendConnectors.filter(({ enabled }) => enabled)) {
    for (const [pattern, cost] of patternsOf(connector)) {
      const known = index.get(pattern);
      if (known) known.push({ connector, cost });
      else index.set(pattern, [{ connector, cost }]);
    }
  }
  return index;
}

/** A topology in which there are only these spaces, all for one pattern. */
function narrowTo(topology: Topology, spaces: readonly Space[]): Topology {
  const sendConnectors = spaces.map(({ connector, cost }) => ({ ...connector, addressSpaces: [`*;${cost}`] }));
  return { ...topology, sendConnectors };
}

const signatureOf = (spaces: readonly Space[]): string =>
  JSON.stringify(spaces.map(({ connector, cost }) => [connector.name, cost]));

/**
 * A connector competes for a domain that one of its patterns matches, and nothing more specific does, only with
 * connectors of that very pattern, and with the fewest of them for messages of its own size limit. If it is chosen
 * from nowhere for such a domain and that size, it is chosen never.
 */
function findShadowed(topology: Topology, spaces: SpacesByPattern): Finding[] {
  const views = new Map<string, Topology>();
  let choicesLeft = choicesMax;
  const winnersAmong = (
    connector: SendConnector,
    rivals: readonly Space[],
    signature: string,
  ): string[] | undefined => {
    const view = views.get(signature) ?? narrowTo(topology, rivals);
    views.set(signature, view);
    const winners = new Set<string>();
    for (const server of askingServers(topology, rivals)) {
      choicesLeft -= 1;
      if (choicesLeft < 0) return undefined;
      const sizeBytes = connector.maxMessageSize;
      const choice = selectSendConnector({ topology: view, server, domain: `${freshLabel}.invalid`, sizeBytes });
      if (choice.kind !== 'chosen') continue;
      if (choice.connector.name === connector.name) return undefined;
      winners.add(choice.connector.name);
    }
    return [...winners];
  };
  return topology.sendConnectors
    .filter(({ enabled }) => enabled)
    .flatMap((connector) => {
      const winners = winnersEverywhere(connector, spaces, winnersAmong);
      if (winners.length === 0) return [];
      const message = `can never be chosen: for each of its address spaces ${namesText(winners.map((name) => ({ name })))} comes first, by cost, hops or name; change an address space or its cost, or delete it`;
      return [warningOf('send-connector')(connector.name, ['addressSpaces'], 'send-connector-shadowed', message)];
    });
}

/** Who is chosen instead for every pattern; nobody when the connector is chosen for one. */
function winnersEverywhere(
  connector: SendConnector,
  spaces: SpacesByPattern,
  winnersAmong: (connector: SendConnector, rivals: readonly Space[], signature: string) => string[] | undefined,
): string[] {
  const seen = new Set<string>();
  const all = new Set<string>();
  for (const pattern of patternsOf(connector).keys()) {
    const rivals = spaces.get(pattern) ?? [];
    const signature = signatureOf(rivals);
    if (seen.has(signature)) continue;
    seen.add(signature);
    const winners = rivals.length > 1 ? winnersAmong(connector, rivals, signature) : undefined;
    if (!winners) return [];
    for (const name of winners) all.add(name);
  }
  return [...all];
}

/** One server for all that choose alike: the sources themselves, and one other server of each site. */
function askingServers(topology: Topology, spaces: readonly Space[]): Server[] {
  const sources = new Set(spaces.flatMap(({ connector }) => connector.sources.map(nameKey)));
  const isSource = (server: Server): boolean => sources.has(nameKey(server.name));
  const others = topology.servers.filter((server) => !isSource(server));
  return [...topology.servers.filter(isSource), ...onePerSite(others)];
}

const onePerSite = (servers: readonly Server[]): Server[] => [
  ...new Map(servers.map((server) => [nameKey(server.site), server])).values(),
];

/** External relay domains whose mail has no way out. */
function findUnserved(topology: Topology, spaces: SpacesByPattern): Finding[] {
  const askers = onePerSite(topology.servers.filter(isMailboxServer));
  if (askers.length === 0) return [];
  const known = new Map<string, boolean>();
  const isServed = (name: string): boolean => {
    const takers = patternsFor(domainKey(name) ?? name).flatMap((pattern) => spaces.get(pattern) ?? []);
    const signature = signatureOf(takers);
    const served = known.get(signature) ?? canChoose(narrowTo(topology, takers), askers);
    known.set(signature, served);
    return served;
  };
  return topology.domains
    .filter(({ name, type }) => type === 'external-relay' && !isServed(name))
    .map(({ name }) => {
      const message = 'is an external relay domain, and no enabled send connector takes it; its mail has nowhere to go';
      return warningOf('domain')(name, ['type'], 'relay-domain-without-connector', message);
    });
}

/** The patterns that match a domain. */
function patternsFor(domain: string): string[] {
  const labels = domain.split('.');
  return [domain, ...labels.map((_, index) => `*.${labels.slice(index).join('.')}`), '*'];
}

function canChoose(topology: Topology, askers: readonly Server[]): boolean {
  const question = { topology, domain: `${freshLabel}.invalid`, sizeBytes: null };
  return (
    topology.sendConnectors.length > 0 &&
    askers.some((server) => selectSendConnector({ ...question, server }).kind === 'chosen')
  );
}
