import type { Server } from '../topology/catalogue/catalogue.js';
import type { Directory } from '../topology/directory.js';
import { compareNames, nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import { isFrontEnd, isMailboxServer } from '../topology/topology.js';
import type { Availability } from './availability.js';
import { type CandidateSet, chooseAmong } from './candidates.js';
import type { DeliveryGroup, Path, Reply, Target, TraceStep } from './decision.js';
import { step } from './decision.js';
import { deliveryGroupOf, membersBySite, type ServerGroup, takesAnyMail } from './delivery-groups.js';
import { backOff, firstHub, generalServers, memberSets } from './group-sets.js';
import { refusalByLink } from './link-size.js';
import { pathsFrom, pathWords } from './paths.js';
import { selectSendConnector, sourcesFor } from './send-connectors.js';

/** How a next hop is named in the queues of a transport service. */
export type DeliveryType =
  | 'SmtpDeliveryToMailbox'
  | 'SmtpRelayToDag'
  | 'SmtpRelayToMailboxDeliveryGroup'
  | 'SmtpRelayToConnectorSourceServers'
  | 'SmtpRelayToServers'
  | 'SmtpRelayToRemoteActiveDirectorySite'
  | 'DnsConnectorDelivery'
  | 'SmartHostConnectorDelivery'
  | 'Unreachable';

/** A message at a server, as its transport looks for the next hop. */
export interface HopQuestion {
  readonly topology: Topology;
  readonly directory: Directory;
  readonly server: Server;
  readonly availability: Availability;
  readonly sizeBytes: number | null;
}

/** The next hop of one destination. */
export interface NextHop {
  readonly outcome: 'deliver' | 'relay' | 'send' | 'proxy' | 'unreachable' | 'reject' | 'defer';
  readonly reason: string;
  readonly deliveryType: DeliveryType;
  readonly nextHopDomain: string;
  readonly deliveryGroup: DeliveryGroup | null;
  readonly path: Path | null;
  readonly targets: readonly Target[];
  readonly fallback: ReadonlyArray<readonly Target[]>;
  readonly connector: string | null;
  readonly reply: Reply | null;
  readonly trace: readonly TraceStep[];
}

type HopName = Pick<NextHop, 'deliveryType' | 'nextHopDomain'>;

const bare = { deliveryGroup: null, path: null, targets: [], fallback: [], connector: null, reply: null };
const smtp = { endpoint: 'smtp', components: ['hub-transport'] } as const;

function unreachable(reason: string, trace: readonly TraceStep[], detail: string): NextHop {
  const named: HopName = { deliveryType: 'Unreachable', nextHopDomain: 'Unreachable Domain' };
  return { ...bare, ...named, outcome: 'unreachable', reason, trace: [...trace, step(`next-hop/${reason}`, detail)] };
}

/** The next hop to a database: into the store where this server may deliver, else toward its delivery group. */
export function hopToDatabase(question: HopQuestion, name: string): NextHop {
  const { topology, server, availability } = question;
  const database = topology.database(name);
  const active = database && topology.server(database.active);
  const group = database && deliveryGroupOf(topology, database);
  if (!database || !active || !group) return unreachable('no-active-server', [], `${name} has no active server`);
  const together =
    active === server ||
    (active.dag === null
      ? server.dag === null && nameKey(active.site) === nameKey(server.site)
      : server.dag !== null && nameKey(active.dag) === nameKey(server.dag));
  if (!together) {
    const named = { dag: 'SmtpRelayToDag', mailbox: 'SmtpRelayToMailboxDeliveryGroup' } as const;
    const deliveryType = group.kind === 'dag' || group.kind === 'mailbox' ? named[group.kind] : 'SmtpRelayToServers';
    const nextHopDomain = group.kind === 'mailbox' ? `Site:${group.name}` : group.name;
    return hopToGroup(question, group, { deliveryType, nextHopDomain }, `${database.name} is active on ${active.name}`);
  }
  const path = pathsFrom(topology, server.site, 'mail').get(nameKey(active.site));
  const choice = chooseAmong(
    [{ why: `the active copy of ${database.name}`, servers: [active], path }],
    smtp,
    availability,
  );
  const hop: HopName = { deliveryType: 'SmtpDeliveryToMailbox', nextHopDomain: database.name };
  const detail = `${database.name} is active on ${active.name}; ${server.name} delivers into its store`;
  const trace = [step('next-hop/deliver', detail), ...choice.trace];
  const { targets, path: way } = choice;
  const outcome = targets.length > 0 ? 'deliver' : 'defer';
  return { ...bare, ...hop, outcome, reason: 'same-delivery-group', path: way, targets, trace };
}

/**
 * Toward a group of servers: the first hub on the way, else the nearest members, then the second choices; none of
 * these where only the members can go on with the mail.
 */
function hopToGroup(
  question: HopQuestion,
  group: ServerGroup,
  named: HopName,
  why: string,
  beyond: 'second-choices' | 'members-only' = 'second-choices',
): NextHop {
  const { topology, server, sizeBytes } = question;
  const paths = pathsFrom(topology, server.site, 'mail');
  const path = membersBySite(group.servers, paths)[0]?.path;
  const begun = [step('next-hop/group', `${why}: ${group.kind} ${group.name}${path ? ` by ${pathWords(path)}` : ''}`)];
  if (!path) return unreachable('no-way', begun, `no way leads from ${server.site} to ${group.kind} ${group.name}`);
  const refusal = refusalByLink(path, sizeBytes);
  if (refusal) {
    const { reply, why: tooNarrow } = refusal;
    return { ...bare, ...named, outcome: 'reject', reason: 'link-size', reply, trace: [...begun, tooNarrow] };
  }
  const hub = firstHub(path);
  const deliveryGroup = { kind: group.kind, name: group.name };
  if (!hub || hub === path) {
    const sets =
      beyond === 'members-only'
        ? [{ why: 'the only server that can go on with it', servers: group.servers, path }]
        : memberSets(topology, server.site, group, paths);
    return relay(question, sets, deliveryGroup, named, begun);
  }
  const detail = `hub site ${hub.site.name} is on the way; mail stops there`;
  const sets = [
    { why: detail, servers: generalServers(topology, hub.site.name), path: hub },
    ...backOff(topology, hub),
  ];
  const viaHub: HopName = { deliveryType: 'SmtpRelayToRemoteActiveDirectorySite', nextHopDomain: hub.site.name };
  return relay(question, sets, { kind: 'site', name: hub.site.name }, viaHub, [...begun, step('hub-site', detail)]);
}

/** The first of the sets whose servers can be asked; nobody: the message stays and is tried again. */
function relay(
  { availability, server }: HopQuestion,
  sets: readonly CandidateSet[],
  deliveryGroup: DeliveryGroup,
  named: HopName,
  begun: readonly TraceStep[],
): NextHop {
  const others = sets.map((set) => ({ ...set, servers: set.servers.filter((candidate) => candidate !== server) }));
  const { targets, fallback, path, trace } = chooseAmong(others, smtp, availability);
  const all = [...begun, ...trace];
  if (targets.length > 0) {
    return { ...bare, ...named, outcome: 'relay', reason: 'relay', deliveryGroup, path, targets, fallback, trace: all };
  }
  all.push(step('next-hop/waits', `nobody can be asked; the message stays at ${server.name}`));
  return { ...bare, ...named, outcome: 'defer', reason: 'no-candidate', deliveryGroup, trace: all };
}

/** The next hop of a group that another server expands: that server, unexpanded. */
export function hopToExpansionServer(question: HopQuestion, name: string): NextHop {
  const server = question.topology.server(name);
  if (!server || !isMailboxServer(server) || !takesAnyMail(server)) {
    const detail = server ? `${name} takes no mail for others, so it cannot expand a group` : `${name} is not there`;
    return unreachable('no-expansion-server', [], detail);
  }
  const group: ServerGroup = { kind: 'server-list', name: server.name, servers: [server] };
  const named: HopName = { deliveryType: 'SmtpRelayToServers', nextHopDomain: server.host };
  return hopToGroup(question, group, named, `${server.name} expands the group`, 'members-only');
}

/** The next hop to a domain outside: out through the send connector here, by a front end of the site, or to its sources. */
export function hopOutside(question: HopQuestion, domain: string): NextHop {
  const { topology, server, sizeBytes } = question;
  const choice = selectSendConnector({ topology, server, domain, sizeBytes });
  if (choice.kind !== 'chosen') {
    if (choice.kind === 'none') return unreachable('no-connector', choice.trace, `mail for ${domain} has no way out`);
    const reply = { code: 552, enhanced: '5.3.4', text: 'Message size exceeds the limit of every connector' };
    const named: HopName = { deliveryType: 'Unreachable', nextHopDomain: domain };
    return { ...bare, ...named, outcome: 'reject', reason: 'too-large-for-connectors', reply, trace: choice.trace };
  }
  const { connector } = choice;
  const isSource = connector.sources.some((name) => nameKey(name) === nameKey(server.name));
  if (isSource) return sendHere(question, choice, domain);
  const servers = sourcesFor(connector, server, topology);
  const group: ServerGroup = { kind: 'connector', name: connector.name, servers };
  const named: HopName = { deliveryType: 'SmtpRelayToConnectorSourceServers', nextHopDomain: connector.name };
  const hop = hopToGroup(
    question,
    group,
    named,
    `connector "${connector.name}" sends from ${connector.sources.join(', ')}`,
  );
  return { ...hop, connector: connector.name, trace: [...choice.trace, ...hop.trace] };
}

function sendHere(
  question: HopQuestion,
  { connector, trace }: Extract<ReturnType<typeof selectSendConnector>, { kind: 'chosen' }>,
  domain: string,
): NextHop {
  const { topology, server, availability } = question;
  const named: HopName =
    connector.smartHosts.length > 0
      ? { deliveryType: 'SmartHostConnectorDelivery', nextHopDomain: connector.smartHosts.join(',') }
      : { deliveryType: 'DnsConnectorDelivery', nextHopDomain: domain };
  const deliveryGroup = { kind: 'connector', name: connector.name } as const;
  const common = { ...bare, ...named, deliveryGroup, connector: connector.name };
  if (!connector.frontEndProxy) {
    const detail = `${server.name} sends itself${connector.smartHosts.length > 0 ? ` to ${named.nextHopDomain}` : ' by MX'}`;
    return { ...common, outcome: 'send', reason: 'source-server', trace: [...trace, step('next-hop/send', detail)] };
  }
  const path = pathsFrom(topology, server.site, 'mail').get(nameKey(server.site));
  const servers = topology.servers
    .filter((other) => isFrontEnd(other) && nameKey(other.site) === nameKey(server.site))
    .sort((a, b) => compareNames(a.name, b.name));
  const needs = { endpoint: 'outboundProxy', components: ['frontend-transport'] } as const;
  const choice = chooseAmong([{ why: 'front ends of the own site', servers, path }], needs, availability);
  const all = [
    ...trace,
    step('next-hop/front-end', `"${connector.name}" sends through a front end of the site`),
    ...choice.trace,
  ];
  if (choice.targets.length === 0) {
    return {
      ...common,
      outcome: 'defer',
      reason: 'no-front-end',
      trace: [...all, step('next-hop/waits', 'no front end can be asked')],
    };
  }
  const { targets, path: way } = choice;
  return { ...common, outcome: 'proxy', reason: 'front-end-proxy', targets, path: way, trace: all };
}
