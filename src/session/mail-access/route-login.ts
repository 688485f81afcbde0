import type { LoginFailure, LoginProtocol } from '../../protocols/sasl/login-protocol.js';
import type { Decision, Target } from '../../routing/decision.js';
import { findLogin } from '../../routing/recipients.js';
import { routeClient } from '../../routing/route-client.js';
import type { Directory, DirectoryEntry } from '../../topology/directory.js';
import type { Endpoint } from '../../topology/endpoints.js';
import type { DoorServices, Snapshot } from '../door-services.js';

/** A server that may be asked for the mailbox, and how. */
export interface Candidate {
  readonly target: Target;
  readonly endpoint: Endpoint;
}

export interface RouteToServer {
  readonly kind: 'server';
  readonly decision: Decision;
  /** In the order to be tried; one at least. */
  readonly candidates: readonly Candidate[];
  /** The mailbox's own address. */
  readonly mailbox: string;
}

/** Where the mailbox of a login is, or why it is nowhere. */
export type Route =
  | RouteToServer
  | { readonly kind: 'nowhere'; readonly decision: Decision; readonly failure: LoginFailure };

const candidatesMax = 8;

/**
 * Routes a login by the name of its mailbox. Where the snapshot knows no server for it, the newest revision is asked
 * once: the database may be new, or active on another server by now.
 */
export function routeLogin(
  services: DoorServices,
  snapshot: Snapshot,
  protocol: LoginProtocol['name'],
  user: string,
): Route {
  const route = routeBy(services, snapshot, protocol, user);
  const isMissing = route.kind === 'nowhere' && route.failure.kind === 'connect';
  return isMissing ? routeBy(services, services.freshSnapshot(), protocol, user) : route;
}

/** Whether two candidates are one place. */
export function isSamePlace({ target: one }: Candidate, { target: other }: Candidate): boolean {
  return one.server === other.server && one.host === other.host && one.port === other.port;
}

/** The decision's steps in one line. */
export function traceWords(decision: Decision): string {
  return decision.trace.map(({ rule, detail }) => `${rule}: ${detail}`).join('; ');
}

function routeBy(services: DoorServices, snapshot: Snapshot, protocol: LoginProtocol['name'], user: string): Route {
  const { topology, frontEnd } = snapshot;
  const { availability } = services;
  const directory = rememberingLast(snapshot.directory);
  const decision = routeClient({
    topology,
    directory,
    frontEnd,
    availability,
    protocol,
    user,
    url: null,
    headers: noHeaders,
  });
  const candidates = decision.outcome === 'proxy' ? candidatesOf(services, snapshot, protocol, decision) : [];
  if (candidates.length === 0) return { kind: 'nowhere', decision, failure: failureOf(decision) };
  const mailbox = findLogin(topology, directory, user)?.address ?? user;
  if (services.isHeld(mailbox)) {
    return { kind: 'nowhere', decision, failure: { kind: 'moving', detail: `${mailbox} is being moved` } };
  }
  return { kind: 'server', decision, candidates, mailbox };
}

/** A directory for one question: it is not asked twice in a row for the same address. */
function rememberingLast(directory: Directory): Directory {
  let lastKey: string | null = null;
  let last: DirectoryEntry | undefined;
  return {
    find(key) {
      if (key !== lastKey) last = directory.find(key);
      lastKey = key;
      return last;
    },
    findByGuid: (guid) => directory.findByGuid(guid),
    findByExtension: (extension, dialPlan) => directory.findByExtension(extension, dialPlan),
    membersOf: (key) => directory.membersOf(key),
  };
}

const noHeaders: ReadonlyMap<string, string> = new Map();

/** The first choices in turns, then each further set. */
function candidatesOf(
  services: DoorServices,
  { topology }: Snapshot,
  protocol: LoginProtocol['name'],
  { targets, fallback }: Decision,
): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (const set of [targets, ...fallback]) {
    for (const target of services.rotate(set)) {
      const server = topology.server(target.server);
      if (server && candidates.length < candidatesMax) {
        candidates.push({ target, endpoint: server.endpoints[protocol] });
      }
    }
  }
  return candidates;
}

function failureOf({ outcome, reason }: Decision): LoginFailure {
  switch (outcome) {
    case 'reject':
      return { kind: 'authentication', detail: reason };
    case 'unavailable':
      return { kind: reason === 'front-end-not-in-service' ? 'out-of-service' : 'connect', detail: reason };
    default:
      return { kind: 'internal', detail: `the routing came to ${outcome} (${reason})` };
  }
}
