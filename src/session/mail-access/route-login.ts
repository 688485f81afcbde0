import type { LoginFailure, LoginProtocol } from '../../protocols/sasl/login-protocol.js';
import type { Decision, Target } from '../../routing/decision.js';
import { findLogin } from '../../routing/recipients.js';
import { routeClient } from '../../routing/route-client.js';
import type { Endpoint } from '../../topology/endpoints.js';
import type { DoorServices, Snapshot } from '../door-services.js';

/** The server that holds the mailbox of a login, or why there is none. */
export type Route =
  | {
      readonly kind: 'server';
      readonly decision: Decision;
      readonly target: Target;
      readonly endpoint: Endpoint;
      /** The mailbox's own address. */
      readonly mailbox: string;
    }
  | { readonly kind: 'nowhere'; readonly decision: Decision; readonly failure: LoginFailure };

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

/** Whether two routes end at one place. */
export function sameTarget(one: Target, other: Target): boolean {
  return one.server === other.server && one.host === other.host && one.port === other.port;
}

/** The decision's steps in one line. */
export function traceWords(decision: Decision): string {
  return decision.trace.map(({ rule, detail }) => `${rule}: ${detail}`).join('; ');
}

function routeBy(services: DoorServices, snapshot: Snapshot, protocol: LoginProtocol['name'], user: string): Route {
  const { topology, directory, frontEnd } = snapshot;
  const { availability } = services;
  const decision = routeClient({
    topology,
    directory,
    frontEnd,
    availability,
    protocol,
    user,
    url: null,
    headers: new Map(),
  });
  const [target] = services.rotate(decision.targets);
  const server = target && topology.server(target.server);
  if (decision.outcome !== 'proxy' || !target || !server) {
    return { kind: 'nowhere', decision, failure: failureOf(decision) };
  }
  const mailbox = findLogin(topology, directory, user)?.address ?? user;
  return { kind: 'server', decision, target, endpoint: server.endpoints[protocol], mailbox };
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
