import type { Database, Server } from '../topology/catalogue/catalogue.js';
import type { Component, WebService } from '../topology/components.js';
import type { Directory, MailboxEntry } from '../topology/directory.js';
import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import type { Availability } from './availability.js';
import { componentState } from './availability.js';
import type { CandidateSet } from './candidates.js';
import { chooseAmong } from './candidates.js';
import type { Anchor, ClientRequest } from './client-hints.js';
import { findAnchor, requestUrl } from './client-hints.js';
import type { ClientProtocol } from './client-protocols.js';
import { endpointOf, frontEndComponent, isWeb } from './client-protocols.js';
import type { Decision, Reply, TraceStep } from './decision.js';
import { decide, step } from './decision.js';
import type { SitePath } from './paths.js';
import { comparePaths, pathsFrom, pathWords } from './paths.js';

/** A request or login at a front end. */
export interface ClientQuestion extends ClientRequest {
  readonly topology: Topology;
  readonly directory: Directory;
  readonly frontEnd: Server;
  readonly availability: Availability;
  readonly protocol: ClientProtocol;
}

/** What each protocol says when it turns a client away; IMAP and POP do not tell an unknown user from a wrong password. */
const refusals: Record<'unknown' | 'unavailable', (protocol: ClientProtocol) => Reply> = {
  unknown: (protocol) => ({
    code: isWeb(protocol) ? 403 : protocol === 'imap' ? 'NO' : '-ERR',
    enhanced: protocol === 'imap' ? 'AUTHENTICATIONFAILED' : protocol === 'pop' ? 'AUTH' : null,
    text: isWeb(protocol) ? 'Forbidden' : 'Authentication failed.',
  }),
  unavailable: (protocol) => ({
    code: isWeb(protocol) ? 503 : protocol === 'imap' ? 'NO' : '-ERR',
    enhanced: protocol === 'imap' ? 'UNAVAILABLE' : protocol === 'pop' ? 'SYS/TEMP' : null,
    text: 'Service not available, try again later',
  }),
};

/** Where a client's request or login goes, and why. */
export function routeClient(question: ClientQuestion): Decision {
  const { protocol, frontEnd } = question;
  const component = frontEndComponent(protocol);
  const state = componentState(frontEnd, component);
  const page = ownPage(question, state === 'active');
  if (page) return page;
  if (state !== 'active') {
    const trace = [step('front-end/not-in-service', `${component} of ${frontEnd.name} is ${state}`)];
    return decide('unavailable', 'front-end-not-in-service', trace, { reply: refusals.unavailable(protocol) });
  }
  const anchor = findAnchor(question.topology, question.directory, question);
  const trace = anchorTrace(anchor);
  if (!anchor.entry) return isWeb(protocol) ? anyLocalServer(question, trace) : unknownUser(protocol, trace);
  return routeToMailbox(question, anchor.entry, trace);
}

/** The pages that a front end answers itself: `/` leads to OWA, and every service has a health page. */
function ownPage({ protocol, url, frontEnd }: ClientQuestion, active: boolean): Decision | undefined {
  if (!isWeb(protocol) || url === null) return undefined;
  const path = requestUrl(url)?.pathname ?? '';
  if (path === '/' && active) {
    const reply = { code: 302, enhanced: null, text: 'Found' };
    return decide('redirect', 'front-page', [step('front-page', 'the front page leads to /owa')], {
      location: '/owa',
      reply,
    });
  }
  if (!/^\/[^/]+\/healthcheck\.htm$/i.test(path)) return undefined;
  const reply = active
    ? { code: 200, enhanced: null, text: frontEnd.name }
    : { code: 503, enhanced: null, text: `${protocol} is not in service` };
  return decide('serve', 'health-page', [step('health-page', `answered by ${frontEnd.name} itself`)], { reply });
}

function anchorTrace({ entry, hint, missed }: Anchor): TraceStep[] {
  const trace = missed.map(({ rule, value }) => step(`anchor/${rule}`, `${value.slice(0, 100)} is no mailbox of ours`));
  if (entry && hint) {
    trace.push(step(`anchor/${hint.rule}`, `${hint.value} is the mailbox ${entry.address} in ${entry.database}`));
  } else trace.push(step('anchor/none', 'nothing names a mailbox that we know'));
  return trace;
}

function unknownUser(protocol: ClientProtocol, trace: TraceStep[]): Decision {
  return decide('reject', 'unknown-user', trace, { reply: refusals.unknown(protocol) });
}

function needsOf(protocol: ClientProtocol): {
  endpoint: ReturnType<typeof endpointOf>;
  components: readonly Component[];
} {
  return { endpoint: endpointOf(protocol), components: [protocol] };
}

/** Nobody we know: any mailbox server of the own site, or of the nearest site that has one in service. */
function anyLocalServer(question: ClientQuestion, before: TraceStep[]): Decision {
  const { topology, frontEnd, protocol, availability } = question;
  const near = [...pathsFrom(topology, frontEnd.site, 'client').values()].sort(comparePaths);
  const sets: CandidateSet[] = near.map((path) => ({
    why:
      nameKey(path.site.name) === nameKey(frontEnd.site)
        ? 'mailbox servers of the own site'
        : `nearest: ${pathWords(path)}`,
    servers: topology.mailboxServersOf(path.site.name),
    path,
  }));
  const choice = chooseAmong(sets, needsOf(protocol), availability);
  const trace = [...before, ...choice.trace];
  if (choice.targets.length === 0) return unavailable(protocol, trace, 'no-server');
  const { targets, fallback, path } = choice;
  const group = { kind: 'local-site', name: path?.sites.at(-1) ?? frontEnd.site } as const;
  return decide('proxy', 'no-mailbox-known', trace, { targets, fallback, path, deliveryGroup: group });
}

function unavailable(protocol: ClientProtocol, trace: readonly TraceStep[], reason: string): Decision {
  return decide('unavailable', reason, trace, { reply: refusals.unavailable(protocol) });
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

/** The server with the active copy of the mailbox's database, or the address of the front ends of its site. */
function routeToMailbox(question: ClientQuestion, entry: MailboxEntry, before: TraceStep[]): Decision {
  const { topology, frontEnd, protocol, availability } = question;
  if (entry.protocols[protocol] === false) {
    const trace = [...before, step('mailbox/protocol-off', `${protocol} is switched off for ${entry.address}`)];
    return decide('reject', 'protocol-off', trace, { reply: refusals.unknown(protocol) });
  }
  const database = topology.database(entry.database);
  const server = database && topology.server(database.active);
  if (!server) {
    return unavailable(
      protocol,
      [...before, step('database/unknown', `${entry.database} has no active server`)],
      'no-active-server',
    );
  }
  const trace = [
    ...before,
    step('database/active', `${entry.database} is active on ${server.name} in site ${server.site}`),
  ];
  const redirect = crossSiteRedirect(question, server);
  if (redirect) return { ...redirect, trace: [...trace, ...redirect.trace] };
  const path = pathsFrom(topology, frontEnd.site, 'client').get(nameKey(server.site));
  const sets = activeCopy(database, server, path);
  const choice = chooseAmong(sets, needsOf(protocol), availability);
  const all = [...trace, ...choice.trace];
  if (choice.targets.length === 0) return unavailable(protocol, all, 'active-server-not-available');
  const { targets, fallback } = choice;
  return decide('proxy', 'active-copy', all, { targets, fallback, path: choice.path });
}

const redirectStatus: Partial<Record<WebService, number>> = { owa: 302, ecp: 302, eas: 451 };

/** A mailbox of another site that has an address of its own outside: OWA and ECP are sent there, ActiveSync where told. */
function crossSiteRedirect(question: ClientQuestion, server: Server): Decision | undefined {
  const { topology, frontEnd, protocol } = question;
  if (!isWeb(protocol) || nameKey(server.site) === nameKey(frontEnd.site)) return undefined;
  const status = redirectStatus[protocol];
  const service = topology.site(server.site)?.services[protocol];
  const location = service?.externalUrl;
  const wish = service?.crossSite ?? (protocol === 'owa' || protocol === 'ecp' ? 'redirect' : 'proxy');
  if (status === undefined || !location || wish !== 'redirect') return undefined;
  if (hostsHere(question, protocol).has(hostOf(location))) return undefined;
  const trace = [step('cross-site/redirect', `site ${server.site} is reached at ${location}`)];
  const reply = { code: status, enhanced: null, text: status === 451 ? 'Redirect' : 'Found' };
  return decide('redirect', 'cross-site', trace, { location, reply });
}

/** The host names that lead here: sending a client to one of them would loop. */
function hostsHere({ topology, frontEnd, url, headers }: ClientQuestion, protocol: WebService): Set<string> {
  const own = topology.site(frontEnd.site)?.services[protocol]?.externalUrl;
  const used =
    url !== null && /^https?:/i.test(url)
      ? hostOf(url)
      : (headers.get('host') ?? '').replace(/:\d+$/, '').toLowerCase();
  return new Set([own ? hostOf(own) : '', used]);
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname : '');
