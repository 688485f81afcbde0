import type { Database, Server } from '../topology/catalogue/catalogue.js';
import type { Component } from '../topology/components.js';
import { webServices } from '../topology/components.js';
import type { Directory, MailboxEntry } from '../topology/directory.js';
import type { EndpointName } from '../topology/endpoints.js';
import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import type { Availability } from './availability.js';
import { componentState } from './availability.js';
import type { CandidateSet, Choice } from './candidates.js';
import { chooseAmong } from './candidates.js';
import type { Anchor, ClientRequest, Hint } from './client-hints.js';
import { asksAffinity, findAnchor, hintsOf } from './client-hints.js';
import type { ClientProtocol, MailAccess, Service } from './client-protocols.js';
import { frontEndComponent, protocolNamed } from './client-protocols.js';
import { crossSiteRedirect } from './cross-site.js';
import type { Decision, Reply, Target, TraceStep } from './decision.js';
import { decide, step } from './decision.js';
import { frontEndPage, rejectUnserved } from './front-end-pages.js';
import { failingLast, nearestServers } from './nearest-servers.js';
import type { SitePath } from './paths.js';
import { pathsFrom } from './paths.js';
import type { RouteCookieKind } from './route-cookie.js';
import { routeCookieNames } from './route-cookie.js';

/** A request or login at a front end. */
export interface ClientQuestion extends ClientRequest {
  readonly topology: Topology;
  readonly directory: Directory;
  readonly frontEnd: Server;
  readonly availability: Availability;
  /** `imap`, `pop`, or the name of a web service. */
  readonly protocol: string;
  /** Those of the request, when they are known already. */
  readonly hints?: readonly Hint[];
}

/** Where a client goes, for whose mailbox (its own address), and by the rule of which hint; null: of nobody's. */
export interface ClientDecision extends Decision {
  readonly mailbox: string | null;
  readonly hint: Hint['rule'] | null;
}

/** What is asked for, and what it needs. */
interface Wanted {
  readonly name: string;
  /** Null for IMAP and POP. */
  readonly service: Service | null;
  readonly component: Component;
  readonly proxyComponent: Component;
  readonly endpoint: EndpointName;
  readonly refusals: Refusals;
}

type Refusals = Readonly<Record<'unknown' | 'unavailable', Reply>>;

const later = 'Service not available, try again later';
const webRefusals: Refusals = {
  unknown: { code: 403, enhanced: null, text: 'Forbidden' },
  unavailable: { code: 503, enhanced: null, text: later },
};
// They do not tell an unknown user from a wrong password.
const imap = mailAccess('imap', {
  unknown: { code: 'NO', enhanced: 'AUTHENTICATIONFAILED', text: 'Authentication failed.' },
  unavailable: { code: 'NO', enhanced: 'UNAVAILABLE', text: later },
});
const pop = mailAccess('pop', {
  unknown: { code: '-ERR', enhanced: 'AUTH', text: 'Authentication failed.' },
  unavailable: { code: '-ERR', enhanced: 'SYS/TEMP', text: later },
});

function mailAccess(name: MailAccess, refusals: Refusals): Wanted {
  return { name, service: null, component: name, proxyComponent: frontEndComponent(name), endpoint: name, refusals };
}

function wantedOf(protocol: ClientProtocol): Wanted {
  if (protocol === 'imap') return imap;
  if (protocol === 'pop') return pop;
  const { name, component, proxyComponent } = protocol;
  return { name, service: protocol, component, proxyComponent, endpoint: 'http', refusals: webRefusals };
}

/** Where a client's request or login goes, and why. */
export function routeClient(question: ClientQuestion): ClientDecision {
  const { topology, directory, frontEnd } = question;
  const protocol = protocolNamed(topology, question.protocol);
  if (protocol === undefined) return ledBy(rejectUnserved(question.url ?? ''), null);
  const wanted = wantedOf(protocol);
  const { service, proxyComponent } = wanted;
  const page = service === null ? undefined : frontEndPage(service, question);
  if (page) return ledBy(page, null);
  const state = componentState(frontEnd, proxyComponent);
  if (state !== 'active') {
    const trace = [step('front-end/not-in-service', `${proxyComponent} of ${frontEnd.name} is ${state}`)];
    return ledBy(unavailable(wanted, trace, 'front-end-not-in-service'), null);
  }
  const anchor = findAnchor(topology, directory, question.hints ?? hintsOf(service, question));
  const trace = anchorTrace(anchor);
  if (anchor.entry) return ledBy(routeToMailbox(question, wanted, anchor.entry, trace), anchor);
  const decision = service === null ? refuseUser(wanted, trace) : anyLocalServer(question, wanted, trace);
  return ledBy(decision, null);
}

function ledBy(decision: Decision, anchor: Anchor | null): ClientDecision {
  // In place: a copy takes longer than the decision, which is nobody else's yet.
  return Object.assign(decision, { mailbox: anchor?.entry?.address ?? null, hint: anchor?.hint?.rule ?? null });
}

/**
 * Which cookie an answer is to set, naming the decision's mailbox: the one that keeps a client where it is when it asks
 * for affinity, else the one of a session after a forms login; each anew when it has grown old.
 */
export function cookieOf({ outcome, mailbox, hint }: ClientDecision, request: ClientRequest): RouteCookieKind | null {
  if (outcome !== 'proxy' || mailbox === null) return null;
  const isRenewalDue = request.cookies?.isRenewalDue === true;
  if (asksAffinity(request)) return hint !== 'override-cookie' || isRenewalDue ? 'override' : null;
  return hint === 'forms-login' || (hint === 'session-cookie' && isRenewalDue) ? 'session' : null;
}

/** The cookie that an answer is to set, as a step of the trace; null: none. */
export function cookieStep(decision: ClientDecision, request: ClientRequest): TraceStep | null {
  const kind = cookieOf(decision, request);
  if (kind === null) return null;
  return step(`route-cookie/${kind}`, `the answer sets ${routeCookieNames[kind]} for ${decision.mailbox}`);
}

function anchorTrace({ entry, hint, missed }: Anchor): TraceStep[] {
  const trace = missed.map(({ rule, value }) => step(`anchor/${rule}`, `${value.slice(0, 100)} is no mailbox of ours`));
  if (entry && hint) {
    trace.push(step(`anchor/${hint.rule}`, `${hint.value} is the mailbox ${entry.address} in ${entry.database}`));
  } else trace.push(step('anchor/none', 'nothing names a mailbox that we know'));
  return trace;
}

function refuseUser({ refusals }: Wanted, trace: TraceStep[]): Decision {
  return decide('reject', 'unknown-user', trace, { reply: refusals.unknown });
}

function unavailable({ refusals }: Wanted, trace: readonly TraceStep[], reason: string): Decision {
  return decide('unavailable', reason, trace, { reply: refusals.unavailable });
}

/** Who of the candidates can be asked, with the port that the service has at them. */
function chooseServers(sets: readonly CandidateSet[], wanted: Wanted, availability: Availability): Choice {
  const { endpoint, component, service } = wanted;
  const choice = chooseAmong(sets, { endpoint, components: [component] }, availability);
  const port = service?.port ?? null;
  if (port === null) return choice;
  const moved = (targets: readonly Target[]): readonly Target[] => targets.map((target) => ({ ...target, port }));
  return { ...choice, targets: moved(choice.targets), fallback: choice.fallback.map(moved) };
}

/** Nobody we know: any mailbox server of the own site, or of the nearest site that has one in service. */
function anyLocalServer(question: ClientQuestion, wanted: Wanted, before: TraceStep[]): Decision {
  const { topology, frontEnd, availability } = question;
  const nearest = nearestServers(topology, frontEnd.site);
  const isFailing = (server: Server): boolean => availability.isFailing?.(server, wanted.name) === true;
  const sets = availability.isFailing === undefined ? nearest : failingLast(nearest, isFailing);
  const { targets, fallback, path, trace } = chooseServers(sets, wanted, availability);
  const all = [...before, ...trace];
  if (targets.length === 0) return unavailable(wanted, all, 'no-server');
  const group = { kind: 'local-site', name: path?.sites.at(-1) ?? frontEnd.site } as const;
  return decide('proxy', 'no-mailbox-known', all, { targets, fallback, path, deliveryGroup: group });
}

const copies = new WeakMap<Database, { readonly path: SitePath | undefined; readonly sets: readonly CandidateSet[] }>();

/** The one server with the active copy; kept for the next request, which mostly comes from the same site. */
function activeCopy(database: Database, server: Server, path: SitePath | undefined): readonly CandidateSet[] {
  const known = copies.get(database);
  if (known && known.path === path && known.sets[0]?.servers[0] === server) return known.sets;
  const sets = [{ why: `the active copy of ${database.name}`, servers: [server], path }];
  copies.set(database, { path, sets });
  return sets;
}

/** The protocols that can be switched off for a mailbox. */
const switchable: ReadonlySet<string> = new Set(['imap', 'pop', ...webServices]);

function isSwitchedOff({ protocols }: MailboxEntry, name: string): boolean {
  return switchable.has(name) && protocols[name as keyof MailboxEntry['protocols']] === false;
}

/** The server with the active copy of the mailbox's database, or the address of the front ends of its site. */
function routeToMailbox(question: ClientQuestion, wanted: Wanted, entry: MailboxEntry, before: TraceStep[]): Decision {
  const { topology, frontEnd, availability } = question;
  if (isSwitchedOff(entry, wanted.name)) {
    const trace = [...before, step('mailbox/protocol-off', `${wanted.name} is switched off for ${entry.address}`)];
    return decide('reject', 'protocol-off', trace, { reply: wanted.refusals.unknown });
  }
  const database = topology.database(entry.database);
  const server = database && topology.server(database.active);
  if (!server) {
    const trace = [...before, step('database/unknown', `${entry.database} has no active server`)];
    return unavailable(wanted, trace, 'no-active-server');
  }
  const trace = [
    ...before,
    step('database/active', `${entry.database} is active on ${server.name} in site ${server.site}`),
  ];
  const redirect = wanted.service === null ? undefined : crossSiteRedirect(wanted.service, question, server);
  if (redirect) return { ...redirect, trace: [...trace, ...redirect.trace] };
  const path = pathsFrom(topology, frontEnd.site, 'client').get(nameKey(server.site));
  const choice = chooseServers(activeCopy(database, server, path), wanted, availability);
  const all = [...trace, ...choice.trace];
  if (choice.targets.length === 0) return unavailable(wanted, all, 'active-server-not-available');
  const { targets, fallback } = choice;
  return decide('proxy', 'active-copy', all, { targets, fallback, path: choice.path });
}
