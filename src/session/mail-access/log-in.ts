import type { Credentials, LoginFailure, LoginProtocol } from '../../protocols/sasl/login-protocol.js';
import type { ClientConnection } from '../admit-connection.js';
import type { DoorServices, Snapshot } from '../door-services.js';
import { pause } from '../pause.js';
import { type Route, routeLogin, sameTarget } from './route-login.js';
import { logInAtServer, type ServerLogin } from './server-login.js';

export interface LoginQuestion {
  readonly services: DoorServices;
  readonly snapshot: Snapshot;
  readonly protocol: LoginProtocol;
  readonly client: ClientConnection;
  readonly credentials: Credentials;
  readonly signal: AbortSignal;
}

export type RouteToServer = Route & { readonly kind: 'server' };

export type LoginOutcome =
  | { readonly kind: 'accepted'; readonly login: ServerLogin & { kind: 'accepted' }; readonly route: RouteToServer }
  | { readonly kind: 'refused'; readonly failure: LoginFailure; readonly route: Route }
  | { readonly kind: 'aborted' };

const connectMsMax = 10_000;
// With the connection; longer than servers hold back a refused password (Dovecot: 2 s, 4 s where a policy delays it).
const attemptMsMax = 20_000;
const reconnectPauseMs = 200;

/**
 * Identifies the mailbox, finds its server and logs in there: within 20 s at one server. When that fails and the
 * newest revision names another server, that one is tried too, once: the mailbox has moved meanwhile.
 */
export async function logIn(question: LoginQuestion): Promise<LoginOutcome> {
  const { services, snapshot, protocol, credentials } = question;
  // RFC 4616 §2: the authorization identity is whose mailbox is opened, by leave of the user who proves himself.
  const name = credentials.authorizationId || credentials.user;
  const route = routeLogin(services, snapshot, protocol.name, name);
  if (route.kind === 'nowhere') return { kind: 'refused', failure: route.failure, route };
  const outcome = await tryServer(question, route);
  if (outcome.kind !== 'refused') return outcome;
  const newRoute = routeLogin(services, services.freshSnapshot(), protocol.name, name);
  if (newRoute.kind === 'nowhere' || sameTarget(newRoute.target, route.target)) return outcome;
  return tryServer(question, newRoute);
}

async function tryServer(question: LoginQuestion, route: RouteToServer): Promise<LoginOutcome> {
  const login = await attempt(question, route);
  switch (login.kind) {
    case 'accepted':
      return { kind: 'accepted', login, route };
    case 'refused':
    case 'lost':
      return { kind: 'refused', failure: login.failure, route };
    case 'aborted':
      return login;
  }
}

/** One login at one server; a connection that is lost before a credential was sent is made once more. */
async function attempt(question: LoginQuestion, { target, endpoint }: RouteToServer): Promise<ServerLogin> {
  const { protocol, credentials, client, signal } = question;
  const startedAtMs = performance.now();
  const plan = {
    protocol,
    host: target.host,
    endpoint,
    credentials,
    client,
    signal,
    connectEndAtMs: startedAtMs + connectMsMax,
    endAtMs: startedAtMs + attemptMsMax,
  };
  const first = await logInAtServer(plan);
  if (first.kind !== 'lost') return first;
  await pause(reconnectPauseMs, signal);
  return performance.now() < plan.connectEndAtMs ? logInAtServer(plan) : first;
}
