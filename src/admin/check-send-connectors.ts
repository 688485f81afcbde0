import { selectSendConnector } from '../routing/send-connectors.js';
import type { SendConnector, Server } from '../topology/catalogue/catalogue.js';
import type { Finding } from '../topology/check/finding.js';
import { warningOf } from '../topology/check/finding.js';
import { namesText } from '../topology/check/reach.js';
import { domainKey } from '../topology/mail-address.js';
import type { Topology } from '../topology/topology.js';
import { isMailboxServer } from '../topology/topology.js';
import type { Rival, RivalsByPattern } from './connector-rivals.js';
import { alikeServers, domainAsked, narrowTo, patternsOf, rivalsByPattern, signatureOf } from './connector-rivals.js';

/** How many choices one check makes at most; connectors and domains whose answer would take more are taken to be well. */
const choicesMax = 2000;

/** Send connectors that are never chosen, and relay domains that none is chosen for. */
export function checkSendConnectors(topology: Topology): Finding[] {
  const rivals = rivalsByPattern(topology);
  return [...findShadowed(topology, rivals), ...findUnserved(topology, rivals)];
}

/** One of each group of servers that choose alike. */
const askersAmong = (servers: readonly Server[], rivals: readonly Rival[]): Server[] =>
  alikeServers(servers, rivals).flatMap(([first]) => first ?? []);

/**
 * Connectors that are chosen from nowhere, not even for messages of their own size limit, for which they have the
 * fewest rivals: they are chosen never.
 */
function findShadowed(topology: Topology, rivalsOf: RivalsByPattern): Finding[] {
  const views = new Map<string, Topology>();
  let choicesLeft = choicesMax;
  const winnersAmong = (
    connector: SendConnector,
    rivals: readonly Rival[],
    signature: string,
  ): string[] | undefined => {
    const view = views.get(signature) ?? narrowTo(topology, rivals);
    views.set(signature, view);
    const winners = new Set<string>();
    for (const server of askersAmong(topology.servers, rivals)) {
      choicesLeft -= 1;
      if (choicesLeft < 0) return undefined;
      const sizeBytes = connector.maxMessageSize;
      const choice = selectSendConnector({ topology: view, server, domain: domainAsked, sizeBytes });
      if (choice.kind !== 'chosen') continue;
      if (choice.connector.name === connector.name) return undefined;
      winners.add(choice.connector.name);
    }
    return [...winners];
  };
  return topology.sendConnectors
    .filter(({ enabled }) => enabled)
    .flatMap((connector) => {
      const winners = winnersEverywhere(connector, rivalsOf, winnersAmong);
      if (winners.length === 0) return [];
      const message = `can never be chosen: for each of its address spaces ${namesText(winners.map((name) => ({ name })))} comes first, by cost, hops or name; change an address space or its cost, or delete it`;
      return [warningOf('send-connector')(connector.name, ['addressSpaces'], 'send-connector-shadowed', message)];
    });
}

/** Who is chosen instead for every pattern; nobody when the connector is chosen for one. */
function winnersEverywhere(
  connector: SendConnector,
  rivalsOf: RivalsByPattern,
  winnersAmong: (connector: SendConnector, rivals: readonly Rival[], signature: string) => string[] | undefined,
): string[] {
  const seen = new Set<string>();
  const all = new Set<string>();
  for (const pattern of patternsOf(connector).keys()) {
    const rivals = rivalsOf.get(pattern) ?? [];
    const signature = signatureOf(rivals);
    if (seen.has(signature)) continue;
    seen.add(signature);
    const winners = rivals.length > 1 ? winnersAmong(connector, rivals, signature) : undefined;
    if (!winners) return [];
    for (const name of winners) all.add(name);
  }
  return [...all];
}

/** External relay domains whose mail has no way out. */
function findUnserved(topology: Topology, rivalsOf: RivalsByPattern): Finding[] {
  const askers = askersAmong(topology.servers.filter(isMailboxServer), []);
  if (askers.length === 0) return [];
  const known = new Map<string, boolean>();
  const isServed = (name: string): boolean => {
    const takers = patternsFor(domainKey(name) ?? name).flatMap((pattern) => rivalsOf.get(pattern) ?? []);
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
  const question = { topology, domain: domainAsked, sizeBytes: null };
  return (
    topology.sendConnectors.length > 0 &&
    askers.some((server) => selectSendConnector({ ...question, server }).kind === 'chosen')
  );
}
