import type { Database, DialPlan, Server } from '../topology/catalogue/catalogue.js';
import type { Directory, MailboxEntry } from '../topology/directory.js';
import { parseMailAddress } from '../topology/mail-address.js';
import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import type { Availability } from './availability.js';
import { componentState } from './availability.js';
import { type CallPeer, gatewaysOf, type HuntLine, linesOf } from './call-gateways.js';
import type { CandidateSet } from './candidates.js';
import { chooseAmong } from './candidates.js';
import type { Decision, Target, TraceStep } from './decision.js';
import { decide, step } from './decision.js';
import { comparePaths, pathsFrom, pathWords, type SitePath } from './paths.js';

/** A call at the router of a front end. URIs as they stand in the INVITE. */
export interface CallQuestion {
  readonly topology: Topology;
  readonly directory: Directory;
  readonly frontEnd: Server;
  readonly availability: Availability;
  readonly to: string;
  readonly diversion: string | null;
  readonly peer: CallPeer;
  readonly tls: boolean;
  /** Turns equal targets so that calls take turns among them; default: as they are. */
  readonly rotate?: ((targets: readonly Target[]) => readonly Target[]) | undefined;
}

function refuse(code: number, text: string, reason: string, trace: readonly TraceStep[], detail: string): Decision {
  return decide('reject', reason, [...trace, step(`call/${reason}`, detail)], {
    reply: { code, enhanced: null, text },
  });
}

/** The user and host of a `sip:`, `sips:` or `tel:` URI, also in a name-addr; parameters and password left aside. */
export function readCallUri(text: string): { user: string; host: string } | undefined {
  // RFC 3261 §25.1: a quoted display name may hold a < of its own.
  const bare = /^(?:\s*"(?:[^"\\]|\\.)*")?[^<]*<([^>]{1,500})>/.exec(text)?.[1] ?? text;
  const tel = /^tel:(\+?[0-9.()-]{1,40})(?:;.*)?$/i.exec(bare);
  if (tel?.[1]) return { user: tel[1].replace(/[.()-]/g, ''), host: '' };
  // RFC 3261 §25.1: the user may hold ; and ? (5101;phone-context=x); an @ stands unescaped only after it.
  const sip = /^sips?:(?:([^@\s]{1,300})@)?(\[[0-9a-f:.]+\]|[^@:;?\s[\]]{1,255})(?::\d{1,5})?(?:[;?].*)?$/i.exec(bare);
  if (!sip?.[2]) return undefined;
  return { user: decodeUser(sip[1] ?? ''), host: sip[2] };
}

function decodeUser(text: string): string {
  const user = text.split(/[;:]/)[0] ?? '';
  try {
    return decodeURIComponent(user);
  } catch {
    return user; // a stray % sign stays as it is
  }
}

/** Where a call is redirected to, and why: the server with the callee's active copy, or any server for a pilot number. */
export function routeCall(question: CallQuestion): Decision {
  const { frontEnd } = question;
  const state = componentState(frontEnd, 'call-router');
  if (state !== 'active') {
    return refuse(503, 'Service Unavailable', 'not-in-service', [], `call-router of ${frontEnd.name} is ${state}`);
  }
  const found = findLine(question);
  if ('outcome' in found) return found;
  const { line, trace } = found;
  if (isSecured(line.plan) !== question.tls) {
    const words = `dial plan "${line.plan.name}" is ${line.plan.security}, the call came ${question.tls ? 'with' : 'without'} TLS`;
    return refuse(488, 'Not Acceptable Here', 'security-mismatch', trace, words);
  }
  return routeToCallee(question, line, trace);
}

const isSecured = ({ security }: DialPlan): boolean => security !== 'unsecured';

/** The gateway that calls and the hunt group whose pilot or plan the call is for. */
function findLine(question: CallQuestion): Decision | { line: HuntLine; trace: TraceStep[] } {
  const { topology, peer, to } = question;
  const gateways = gatewaysOf(topology, peer);
  if (!gateways.some(({ enabled }) => enabled)) {
    const who = (peer.address ?? 'any peer').slice(0, 100);
    const words =
      gateways.length > 0 ? `gateway "${gateways[0]?.name}" is switched off` : `${who} is no gateway of ours`;
    return refuse(403, 'Forbidden', 'no-gateway', [], words);
  }
  const uri = readCallUri(to);
  if (!uri) return refuse(400, 'Bad Request', 'bad-uri', [], `"${to.slice(0, 100)}" is no SIP or tel URI`);
  const lines = linesOf(topology, gateways);
  // Whoever names no pilot names no plan either: one that the call may come by goes before one that it may not.
  const line =
    lines.find(({ group }) => group.pilot === uri.user) ??
    lines.find(({ plan }) => isSecured(plan) === question.tls) ??
    lines[0];
  if (!line) {
    const names = gateways.slice(0, 5).map(({ name }) => `"${name}"`);
    return refuse(403, 'Forbidden', 'no-hunt-group', [], `gateway ${names.join(', ')} has no hunt group`);
  }
  const { group, plan } = line;
  const words = `gateway "${group.gateway}", hunt group "${group.name}", dial plan "${plan.name}"`;
  return { line, trace: [step('call/line', words)] };
}

/** Who is called: whoever diverted the call to voice mail, else the URI; a pilot number names nobody. */
function routeToCallee(question: CallQuestion, { group, plan }: HuntLine, before: readonly TraceStep[]): Decision {
  const named = question.diversion ?? question.to;
  const uri = readCallUri(named);
  if (!uri) return refuse(400, 'Bad Request', 'bad-uri', before, `"${named.slice(0, 100)}" is no SIP or tel URI`);
  if (question.diversion === null && uri.user === group.pilot) {
    return redirect(question, plan, localServers(question), [
      ...before,
      step('call/pilot', `${uri.user} is the pilot number: any mailbox server`),
    ]);
  }
  const entry = findCallee(question, plan, uri);
  if (!entry)
    return refuse(
      404,
      'Not Found',
      'unknown-callee',
      before,
      `${uri.user.slice(0, 100)} is nobody's in dial plan "${plan.name}" (${planWords(plan)})`,
    );
  if (entry.protocols.um === false) {
    return refuse(404, 'Not Found', 'protocol-off', before, `${entry.address} is not enabled for calls`);
  }
  const { topology, frontEnd } = question;
  const database = topology.database(entry.database);
  const server = database && topology.server(database.active);
  if (!server)
    return refuse(480, 'Temporarily Unavailable', 'no-active-server', before, `${entry.database} has no active server`);
  const trace = [
    ...before,
    step('call/callee', `${uri.user} is ${entry.address} in ${entry.database}, active on ${server.name}`),
  ];
  const path = pathsFrom(topology, frontEnd.site, 'client').get(nameKey(server.site));
  return redirect(question, plan, activeCopySets(database, server, path), trace);
}

interface ActiveCopy {
  readonly path: SitePath | undefined;
  readonly sets: readonly CandidateSet[];
}

const activeCopies = new WeakMap<Database, ActiveCopy>();

/** The server of an active copy as the only choice; kept, as calls come by the thousand. */
function activeCopySets(database: Database, server: Server, path: SitePath | undefined): readonly CandidateSet[] {
  const known = activeCopies.get(database);
  if (known?.path === path && known?.sets[0]?.servers[0] === server) return known.sets;
  const sets = [{ why: `the active copy of ${database.name}`, servers: [server], path }];
  activeCopies.set(database, { path, sets });
  return sets;
}

function planWords({ uriType, digits }: DialPlan): string {
  return uriType === 'extension' ? `extensions of ${digits} digits` : uriType;
}

function findCallee(
  { directory }: CallQuestion,
  plan: DialPlan,
  uri: { user: string; host: string },
): MailboxEntry | undefined {
  const byExtension = plan.uriType !== 'extension' || uri.user.length === plan.digits;
  const entry = byExtension ? directory.findByExtension(uri.user, plan.name) : undefined;
  if (entry?.class === 'mailbox') return entry;
  const key = plan.uriType === 'sip' ? parseMailAddress(`${uri.user}@${uri.host}`)?.key : undefined;
  const named = key === undefined ? undefined : directory.find(key);
  return named?.class === 'mailbox' ? named : undefined;
}

const localSets = new WeakMap<Topology, Map<string, readonly CandidateSet[]>>();

/** Mailbox servers of the own site, then of the other sites, nearest first; worked out once for a topology. */
function localServers({ topology, frontEnd }: CallQuestion): readonly CandidateSet[] {
  const bySite = localSets.get(topology) ?? new Map<string, readonly CandidateSet[]>();
  const sets = bySite.get(nameKey(frontEnd.site)) ?? findLocalServers(topology, frontEnd.site);
  localSets.set(topology, bySite.set(nameKey(frontEnd.site), sets));
  return sets;
}

function findLocalServers(topology: Topology, site: string): CandidateSet[] {
  return [...pathsFrom(topology, site, 'client').values()].sort(comparePaths).map((path) => ({
    why: `mailbox servers of ${pathWords(path)}`,
    servers: topology.mailboxServersOf(path.site.name),
    path,
  }));
}

/** The way a call goes on by: where the plan has everything secured, or the caller asked for it, nothing less will do. */
function callScheme({ tls, to }: Pick<CallQuestion, 'tls' | 'to'>, plan: DialPlan): CallScheme {
  if (!tls) return 'sip';
  return plan.security === 'secured' || /^[^<]*<?\s*sips:/i.test(to) ? 'sips' : 'sip-tls';
}

function redirect(
  question: CallQuestion,
  plan: DialPlan,
  sets: readonly CandidateSet[],
  before: readonly TraceStep[],
): Decision {
  const scheme = callScheme(question, plan);
  const endpoint = question.tls ? 'sips' : 'sip';
  const choice = chooseAmong(sets, { endpoint, components: ['um'] }, question.availability);
  const trace = [...before, ...choice.trace];
  const { rotate = asTheyAre } = question;
  const targets = rotate(choice.targets);
  const [first] = targets;
  if (!first) return refuse(480, 'Temporarily Unavailable', 'no-server', trace, 'no mailbox server can answer');
  const reply = { code: 302, enhanced: null, text: 'Moved Temporarily' };
  const { fallback, path } = choice;
  const user = readCallUri(question.to)?.user ?? '';
  return decide('redirect', 'callee', trace, {
    reply,
    targets,
    fallback,
    path,
    location: contactOf(first, user, scheme),
  });
}

const asTheyAre = (targets: readonly Target[]): readonly Target[] => targets;

/** How a call is to be taken further: `sips` all the way, over TLS to the server, or in the clear. */
export type CallScheme = 'sip' | 'sip-tls' | 'sips';

/** The Contact of the redirect (RFC 3261 §19.1). */
export function contactOf({ host, port }: Target, user: string, scheme: CallScheme): string {
  const where = host.includes(':') ? `[${host}]` : host;
  // A + stands for itself, not for %2B; half of a surrogate pair cannot be encoded.
  const name = user === '' ? '' : `${encodeURIComponent(user.replace(/\p{Cs}/gu, '\ufffd')).replaceAll('%2B', '+')}@`;
  return `${scheme === 'sips' ? 'sips' : 'sip'}:${name}${where}:${port};transport=${scheme === 'sip' ? 'tcp' : 'tls'}`;
}
