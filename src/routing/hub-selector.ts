import type { Database, Server } from '../topology/catalogue/catalogue.js';
import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import type { CandidateSet } from './candidates.js';
import type { DeliveryGroup, RecipientDecision, TraceStep } from './decision.js';
import { step } from './decision.js';
import type { ServerGroup } from './delivery-groups.js';
import { compareGroups, deliveryGroupOf, groupWords, membersBySite } from './delivery-groups.js';
import { backOff, firstHub, generalServers, memberSets } from './group-sets.js';
import type { MailSession } from './mail-session.js';
import type { PathTable, SitePath } from './paths.js';
import { comparePaths, pathsFrom, pathWords } from './paths.js';
import { findLogin } from './recipients.js';

/** Whom to try for a message, in order; before it is asked who is up. */
export interface Selection {
  readonly reason: string;
  readonly group: DeliveryGroup | null;
  /** The whole way to the group, also where mail stops at a hub: every link on it must take the message. */
  readonly path: SitePath | undefined;
  readonly sets: readonly CandidateSet[];
  readonly trace: readonly TraceStep[];
}

/**
 * The front end's hub selector for a stranger or a server: one mailbox recipient leads to its delivery group, several
 * to the nearest group among the first twenty recipients, none to a mailbox server of the own site.
 */
export function selectForRecipients(session: MailSession, accepted: readonly RecipientDecision[]): Selection {
  const { topology, frontEnd } = session;
  const paths = pathsFrom(topology, frontEnd.site, 'mail');
  const considered = accepted.filter((recipient) => recipient.considered && recipient.database !== null);
  const groups = groupsOf(topology, considered, paths);
  const [nearest] = groups;
  if (!nearest) {
    return considered.length === 0
      ? localSelection(session, paths, 'no-mailbox-recipient', 'no recipient has a mailbox')
      : localSelection(session, paths, 'no-reachable-group', 'no group of the recipients can be reached by links');
  }
  const reason = considered.length === 1 ? 'one-mailbox-recipient' : 'several-mailbox-recipients';
  const others = groups.slice(1, 6).map(({ group, path }) => `${groupWords(group)} by ${pathWords(path)}`);
  const detail =
    considered.length === 1
      ? `${considered[0]?.database} is in ${groupWords(nearest.group)}; its nearest site is ${pathWords(nearest.path)}`
      : `nearest of ${groups.length} groups: ${groupWords(nearest.group)} by ${pathWords(nearest.path)}`;
  const trace = [
    step(`hub-selector/${reason}`, others.length > 0 ? `${detail}; farther: ${others.join(', ')}` : detail),
  ];
  return routeToGroup(session, nearest, paths, reason, trace);
}

interface PlacedGroup {
  readonly group: ServerGroup;
  readonly path: SitePath;
  readonly served: number;
}

/** The groups of the recipients' databases, nearest first; then the one that serves more of them; then by name. */
function groupsOf(topology: Topology, recipients: readonly RecipientDecision[], paths: PathTable): PlacedGroup[] {
  const byName = new Map<string, PlacedGroup>();
  for (const { database } of recipients) {
    const found = topology.database(database ?? '');
    const group = found && deliveryGroupOf(topology, found);
    const path = group && membersBySite(group.servers, paths)[0]?.path;
    if (!group || !path) continue;
    const key = `${group.kind} ${nameKey(group.name)}`;
    byName.set(key, { group, path, served: (byName.get(key)?.served ?? 0) + 1 });
  }
  return [...byName.values()].sort(
    (a, b) => comparePaths(a.path, b.path) || b.served - a.served || compareGroups(a.group, b.group),
  );
}

/** The way to a group and who is on it: the same for every message of a front end's site. */
type Way = Omit<Selection, 'reason'>;

const ways = new WeakMap<PathTable, Map<ServerGroup, Way>>();

function routeToGroup(
  { topology, frontEnd }: MailSession,
  { group, path }: PlacedGroup,
  paths: PathTable,
  reason: string,
  trace: readonly TraceStep[],
): Selection {
  let way = ways.get(paths)?.get(group);
  if (!way) {
    way = findWay(topology, frontEnd, group, path, paths);
    ways.set(paths, (ways.get(paths) ?? new Map<ServerGroup, Way>()).set(group, way));
  }
  return { reason, group: way.group, path: way.path, sets: way.sets, trace: [...trace, ...way.trace] };
}

/** The way to a group: it stops at the first hub site; else its nearest members, then the second choices. */
function findWay(topology: Topology, frontEnd: Server, group: ServerGroup, path: SitePath, paths: PathTable): Way {
  const named = { kind: group.kind, name: group.name };
  if (group.kind === 'server-list') {
    const sets = [{ why: 'the only server that takes it', servers: group.servers, path }];
    return { group: named, path, sets, trace: [] };
  }
  const local = localSets(topology, frontEnd, paths);
  const hub = firstHub(path);
  if (hub && hub !== path) {
    const why = `hub site ${hub.site.name} is on the way; mail stops there`;
    const sets = [
      { why, servers: generalServers(topology, hub.site.name), path: hub },
      ...backOff(topology, hub),
      ...local,
    ];
    return { group: { kind: 'site', name: hub.site.name }, path, sets, trace: [step('hub-site', why)] };
  }
  const sets = [...memberSets(topology, frontEnd.site, group, paths), ...local];
  return { group: named, path, sets, trace: [] };
}

const localsOf = new WeakMap<PathTable, readonly CandidateSet[]>();

/** Mailbox servers of the own site, or of the nearest site that has any; found once for a front end's site. */
function localSets(topology: Topology, frontEnd: Server, paths: PathTable): readonly CandidateSet[] {
  const known = localsOf.get(paths) ?? findLocals(topology, frontEnd, paths);
  localsOf.set(paths, known);
  return known;
}

function findLocals(topology: Topology, frontEnd: Server, paths: PathTable): CandidateSet[] {
  const own = paths.get(nameKey(frontEnd.site));
  const near = [...paths.values()]
    .sort(comparePaths)
    .filter((path) => generalServers(topology, path.site.name).length > 0);
  const first = own && near.includes(own) ? own : near[0];
  if (!first) return [];
  const why =
    first === own
      ? 'mailbox servers of the own site'
      : `mailbox servers of ${first.site.name}, the nearest site that has any`;
  return [{ why, servers: generalServers(topology, first.site.name), path: first }];
}

function localSelection(
  { topology, frontEnd }: MailSession,
  paths: PathTable,
  reason: string,
  detail: string,
): Selection {
  const sets = localSets(topology, frontEnd, paths);
  const path = sets[0]?.path;
  const group = { kind: 'local-site', name: path?.site.name ?? frontEnd.site } as const;
  return {
    reason,
    group,
    path,
    sets,
    trace: [step(`hub-selector/${reason}`, `${detail}: ${sets[0]?.why ?? 'no site has a mailbox server'}`)],
  };
}

/**
 * A sender who logged on: the server with the active copy of the sender's own mailbox, or any server of its DAG with
 * active copies (`clientProxy`); an account without a mailbox goes by the arbitration database.
 */
export function selectForSender(session: MailSession): Selection {
  const { topology, directory, frontEnd, user } = session;
  const entry = findLogin(topology, directory, user ?? '');
  const name = entry?.class === 'mailbox' ? entry.database : topology.organization.arbitrationDatabase;
  const database = name === null ? undefined : topology.database(name);
  const active = database && topology.server(database.active);
  const paths = pathsFrom(topology, frontEnd.site, 'mail');
  if (name === null) {
    const detail = 'the account has no mailbox, and the organization no arbitration database';
    return localSelection(session, paths, 'sender-without-mailbox', detail);
  }
  if (!database || !active) {
    const trace = [step('database/unknown', `${name} has no active server`)];
    return { reason: 'authenticated-sender', group: null, path: undefined, sets: [], trace };
  }
  const whose =
    entry?.class === 'mailbox'
      ? `${entry.address} is in ${database.name}`
      : `the account has no mailbox; arbitration database ${database.name}`;
  const path = paths.get(nameKey(active.site));
  const group =
    active.dag === null ? { kind: 'mailbox' as const, name: active.site } : { kind: 'dag' as const, name: active.dag };
  const others = topology.membersOf(active.dag ?? '').filter((server) => server !== active);
  const spread = topology.organization.clientProxy === 'any-active-in-dag' && active.dag !== null;
  const sets = spread ? spreadSets(topology, active, path) : senderSets(database, active, others, path);
  const trace = [step('hub-selector/authenticated-sender', `${whose}, active on ${active.name}`)];
  return { reason: 'authenticated-sender', group, path, sets, trace };
}

function senderSets(
  database: Database,
  active: Server,
  others: readonly Server[],
  path: SitePath | undefined,
): CandidateSet[] {
  const first = { why: `the active copy of ${database.name}`, servers: [active], path };
  return others.length === 0
    ? [first]
    : [first, { why: `other members of ${active.dag}`, servers: others, path: undefined }];
}

function spreadSets(topology: Topology, active: Server, path: SitePath | undefined): CandidateSet[] {
  const busy = new Set(topology.databases.map((database) => nameKey(database.active)));
  const servers = topology.membersOf(active.dag ?? '').filter((server) => busy.has(nameKey(server.name)));
  return [{ why: `members of ${active.dag} with active copies`, servers, path }];
}
