import type { ReceiveConnector, SendConnector, Server } from '../topology/catalogue/catalogue.js';
import { parseBinding } from '../topology/formats.js';
import { compareNames, nameKey } from '../topology/names.js';
import { canonicalAddress } from '../topology/ranges.js';
import { isMailboxServer } from '../topology/topology.js';
import type { Availability } from './availability.js';
import type { Decision, Reply, TraceStep } from './decision.js';
import { decide, step } from './decision.js';
import { reachOf } from './mail-exchangers.js';
import { type MailSession, standingOf } from './mail-session.js';
import { hopOutside } from './next-hop.js';
import { selectSendConnector } from './send-connectors.js';

/** The way that a recipient's mail leaves the estate by. */
export interface WayOut {
  /** `send`: this front end speaks to the next hop itself; `sources`: the connector's sources, elsewhere, go on with it. */
  readonly kind: 'send' | 'sources';
  readonly connector: SendConnector;
  /** In lower-case A-labels. */
  readonly domain: string;
  /** Recipients with the same key share a next hop, and so a transaction. */
  readonly key: string;
  /** Whose place in the estate the choice was made from. */
  readonly place: Server;
  readonly trace: readonly TraceStep[];
}

/** No way out, and what the sender is told. */
export interface NoWayOut {
  readonly kind: 'none';
  readonly reply: Reply;
  readonly trace: readonly TraceStep[];
}

/**
 * Whether mail of this session for somewhere outside leaves here: one of our own mailbox servers hands it over, at
 * whatever door, or a trusted sender does at the door that is there for it.
 */
export function isHandedOver(session: MailSession): boolean {
  if (session.user !== null || standingOf(session) !== 'server') return false;
  return serversOf(session).length > 0 || isOutboundDoor(session);
}

/**
 * Whether a client that counts as nobody may turn out to be a server of ours, as not all of them can be told yet: one
 * at the door that is there for servers, or of a private network.
 */
export function mayBeServer(session: MailSession): boolean {
  const { topology, connector, clientAddress, user } = session;
  if (user !== null || clientAddress === null || !topology.hasUnplacedServers) return false;
  if (!connector.permissionGroups.includes('servers') || standingOf(session) === 'server') return false;
  return isOutboundDoor(session) || reachOf(canonicalAddress(clientAddress)) === 'private';
}

/** For what is refused to strangers and may be meant for a server. */
export const unknownServerReply: Reply = {
  code: 451,
  enhanced: '4.4.3',
  text: 'The addresses of our servers are not all known yet; try again later',
};

/**
 * The way out for a domain, chosen from the place of the server that hands the mail over, as that server would choose
 * it: size, address space, cost, hops, name (reference of the selection: `selectSendConnector`).
 */
export function wayOut(session: MailSession, domain: string, sizeBytes: number | null): WayOut | NoWayOut {
  const { topology, frontEnd } = session;
  const place = placeOf(session);
  const choice = selectSendConnector({ topology, server: place, domain, sizeBytes });
  if (choice.kind === 'none') {
    const text = `No send connector takes mail for ${domain}`;
    return { kind: 'none', reply: { code: 550, enhanced: '5.4.4', text }, trace: choice.trace };
  }
  if (choice.kind !== 'chosen') {
    const text = 'Message size exceeds the limit of every send connector';
    return { kind: 'none', reply: { code: 552, enhanced: '5.3.4', text }, trace: choice.trace };
  }
  const { connector } = choice;
  const isHere = connector.sources.some((name) => isNear(topology.server(name), place, frontEnd));
  const kind = isHere ? 'send' : 'sources';
  const byDomain = isHere && connector.smartHosts.length === 0;
  const key = `${kind} ${nameKey(connector.name)} ${byDomain ? domain : ''}`;
  const giver = serversOf(session).length > 0 ? place.name : 'a trusted sender';
  const taker = isHere ? `${frontEnd.name} sends it` : 'the sources go on with it';
  const words = `${giver} hands over mail for ${domain}; ${taker}`;
  return { kind, connector, domain, key, place, trace: [...choice.trace, step(`outbound/${kind}`, words)] };
}

/** Where the accepted recipients of a transaction go, all of them by one way. */
export function decideWayOut(
  session: MailSession,
  way: WayOut,
  availability: Availability,
  sizeBytes: number | null,
  common: Partial<Decision>,
  before: readonly TraceStep[],
): Decision {
  const { connector, domain, place } = way;
  const { topology, directory } = session;
  if (way.kind === 'send') {
    const deliveryGroup = { kind: 'connector', name: connector.name } as const;
    const hosts = connector.smartHosts.join(', ');
    const detail = hosts === '' ? `by MX of ${domain}` : `to ${hosts}, taking turns`;
    const trace = [...before, step('outbound/next-hop', `"${connector.name}" sends ${detail}`)];
    return decide('send', 'send-connector', trace, { ...common, connector: connector.name, deliveryGroup });
  }
  const hop = hopOutside({ topology, directory, server: place, availability, sizeBytes }, domain);
  const trace = [...before, ...hop.trace];
  const { targets, fallback, path } = hop;
  // A hub site on the way stands in for the sources.
  const group = { ...common, connector: connector.name, deliveryGroup: hop.deliveryGroup };
  if (hop.outcome === 'relay')
    return decide('proxy', 'connector-sources', trace, { ...group, targets, fallback, path });
  const text = `No source of send connector ${connector.name} can be asked now; try again later`;
  const reply = hop.reply ?? { code: 451, enhanced: '4.4.1', text };
  const outcome = hop.reply === null ? 'defer' : 'reject';
  return decide(outcome, hop.reason, trace, { ...group, reply });
}

/** A source that this front end sends for: the one whose place the choice was made from, or a mailbox server of its site. */
function isNear(source: Server | undefined, place: Server, frontEnd: Server): boolean {
  if (source === undefined || source === place) return source !== undefined;
  return isMailboxServer(source) && nameKey(source.site) === nameKey(frontEnd.site);
}

function serversOf({ topology, clientAddress }: MailSession): readonly Server[] {
  return clientAddress === null ? [] : topology.mailboxServersAt(canonicalAddress(clientAddress));
}

/** The server that hands over; of several at one address the first of the own site; behind a relay the front end itself. */
function placeOf(session: MailSession): Server {
  const { frontEnd } = session;
  const servers = [...serversOf(session)].sort((a, b) => compareNames(a.name, b.name));
  return servers.find(({ site }) => nameKey(site) === nameKey(frontEnd.site)) ?? servers[0] ?? frontEnd;
}

const onlyPorts = new WeakMap<ReceiveConnector, number | null>();

/** Whether the connector is bound to the port that servers hand their outbound mail to, and to no other. */
function isOutboundDoor({ connector, frontEnd }: MailSession): boolean {
  let port = onlyPorts.get(connector);
  if (port === undefined) {
    const ports = new Set(connector.bindings.map((text) => parseBinding(text)?.port));
    port = ports.size === 1 ? ([...ports][0] ?? null) : null;
    onlyPorts.set(connector, port);
  }
  return port === frontEnd.endpoints.outboundProxy.port;
}
