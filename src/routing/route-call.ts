import type { DialPlan, HuntGroup, Server } from '../topology/catalogue/catalogue.js';
import type { Directory, MailboxEntry } from '../topology/directory.js';
import { parseMailAddress } from '../topology/mail-address.js';
import { compareNames, nameKey } from '../topology/names.js';
import { canonicalAddress } from '../topology/ranges.js';
import type { Topology } from '../topology/topology.js';
import type { Availability } from './availability.js';
import { componentState } from './availability.js';
import type { CandidateSet } from './candidates.js';
import { chooseAmong } from './candidates.js';
import type { Decision, Target, TraceStep } from './decision.js';
import { decide, step } from './decision.js';
import { comparePaths, pathsFrom, pathWords } from './paths.js';

/** A call at the router of a front end. URIs as they stand in the INVITE. */
export interface CallQuestion {
  readonly topology: Topology;
  readonly directory: Directory;
  readonly frontEnd: Server;
  readonly availability: Availability;
  readonly to: string;
  readonly diversion: string | null;
  /** The peer's address; null: any gateway. */
  readonly fromAddress: string | null;
  readonly tls: boolean;
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

interface Line {
  readonly group: HuntGroup;
  readonly plan: DialPlan;
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
  const secure = line.plan.security !== 'unsecured';
  if (secure !== question.tls) {
    const words = `dial plan "${line.plan.name}" is ${line.plan.security}, the call came ${question.tls ? 'with' : 'without'} TLS`;
    return refuse(488, 'Not Acceptable Here', 'security-mismatch', trace, words);
  }
  return routeToCallee(question, line, trace);
}

/** The gateway that calls and the hunt group whose pilot or plan the call is for. */
function findLine(question: CallQuestion): Decision | { line: Line; trace: TraceStep[] } {
  const { topology, fromAddress, to } = question;
  const peer = (fromAddress ?? 'any peer').slice(0, 100);
  const gateways = topology.callGateways
    .filter(({ address }) => fromAddress === null || canonicalAddress(address) === canonicalAddress(peer))
    .sort((a, b) => compareNames(a.name, b.name));
  const active = new Set(gateways.filter(({ enabled }) => enabled).map(({ name }) => nameKey(name)));
  if (active.size === 0) {
    const words =
      gateways.length > 0 ? `gateway "${gateways[0]?.name}" is switched off` : `${peer} is no gateway of ours`;
    return refuse(403, 'Forbidden', 'no-gateway', [], words);
  }
  const uri = readCallUri(to);
  if (!uri) return refuse(400, 'Bad Request', 'bad-uri', [], `"${to.slice(0, 100)}" is no SIP or tel URI`);
  const groups = topology.huntGroups
    .filter(({ gateway }) => active.has(nameKey(gateway)))
    .sort((a, b) => compareNames(a.name, b.name));
  const group = groups.find(({ pilot }) => pilot === uri.user) ?? groups[0];
  const plan = group && topology.dialPlans.find(({ name }) => nameKey(name) === nameKey(group.dialPlan));
  if (!group || !plan) {
    const names = gateways.slice(0, 5).map(({ name }) => `"${name}"`);
    return refuse(403, 'Forbidden', 'no-hunt-group', [], `gateway ${names.join(', ')} has no hunt group`);
  }
  const words = `gateway "${group.gateway}", hunt group "${group.name}", dial plan "${plan.name}"`;
  return { line: { group, plan }, trace: [step('call/line', words)] };
}

/** Who is called: whoever diverted the call to voice mail, else the URI; a pilot number names nobody. */
function routeToCallee(question: CallQuestion, { group, plan }: Line, before: readonly TraceStep[]): Decision {
  const named = question.diversion ?? question.to;
  const uri = readCallUri(named);
  if (!uri) return refuse(400, 'Bad Request', 'bad-uri', before, `"${named.slice(0, 100)}" is no SIP or tel URI`);
  if (question.diversion === null && uri.user === group.pilot) {
    return redirect(question, localServers(question), [
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
      `${uri.user.slice(0, 100)} is nobody's extension or address`,
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
  return redirect(question, [{ why: `the active copy of ${entry.database}`, servers: [server], path }], trace);
}

function findCallee(
  { directory }: CallQuestion,
  plan: DialPlan,
  uri: { user: string; host: string },
): MailboxEntry | undefined {
  const byExtension = plan.uriType !== 'extension' || uri.user.length === plan.digits;
  const entry = byExtension ? directory.findByExtension(uri.user) : undefined;
  if (entry?.class === 'mailbox') return entry;
  const key = plan.uriType === 'sip' ? parseMailAddress(`${uri.user}@${uri.host}`)?.key : undefined;
  const named = key === undefined ? undefined : directory.find(key);
  return named?.class === 'mailbox' ? named : undefined;
}

/** Mailbox servers of the own site, then of the other sites, nearest first. */
function localServers({ topology, frontEnd }: CallQuestion): CandidateSet[] {
  return [...pathsFrom(topology, frontEnd.site, 'client').values()].sort(comparePaths).map((path) => ({
    why: `mailbox servers of ${pathWords(path)}`,
    servers: topology.mailboxServersOf(path.site.name),
    path,
  }));
}

function redirect(question: CallQuestion, sets: readonly CandidateSet[], before: readonly TraceStep[]): Decision {
  const endpoint = question.tls ? 'sips' : 'sip';
  const choice = chooseAmong(sets, { endpoint, components: ['um'] }, question.availability);
  const trace = [...before, ...choice.trace];
  const [first] = choice.targets;
  if (!first) return refuse(480, 'Temporarily Unavailable', 'no-server', trace, 'no mailbox server can answer');
  const reply = { code: 302, enhanced: null, text: 'Moved Temporarily' };
  const { targets, fallback, path } = choice;
  const user = readCallUri(question.to)?.user ?? '';
  return decide('redirect', 'callee', trace, {
    reply,
    targets,
    fallback,
    path,
    location: contactOf(first, user, question.tls),
  });
}

/** The Contact of the redirect (RFC 3261 §19.1). */
export function contactOf({ host, port }: Target, user: string, tls: boolean): string {
  const where = host.includes(':') ? `[${host}]` : host;
  // A + stands for itself, not for %2B; half of a surrogate pair cannot be encoded.
  const name = user === '' ? '' : `${encodeURIComponent(user.replace(/\p{Cs}/gu, '\ufffd')).replaceAll('%2B', '+')}@`;
  return `sip:${name}${where}:${port};transport=${tls ? 'tls' : 'tcp'}`;
}
