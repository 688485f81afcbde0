import type { LoginCredentials } from '../../protocols/sasl/login-credentials.js';
import type { LoginFailure, LoginProtocol } from '../../protocols/sasl/login-protocol.js';
import type { ClientConnection } from '../admit-connection.js';
import type { DoorServices, Snapshot } from '../door-services.js';
import { pause } from '../pause.js';
import { failureEffects } from './failure-effects.js';
import { type Candidate, isSamePlace, type Route, type RouteToServer, routeLogin } from './route-login.js';
import { type AcceptedLogin, logInAtServer, type ServerLogin } from './server-login.js';

/** Told what logins at a server say of its health. */
export type ServerObserver = (server: string, protocol: LoginProtocol['name'], health: 'good' | 'bad') => void;

export interface LoginQuestion {
  readonly services: DoorServices;
  readonly snapshot: Snapshot;
  readonly protocol: LoginProtocol;
  readonly client: ClientConnection;
  readonly credentials: LoginCredentials;
  /** As a proxy before us has said; null for none. */
  readonly proxyTtl: number | null;
  readonly sessionId: string;
  readonly signal: AbortSignal;
  readonly observe?: ServerObserver | undefined;
}

export interface LoginRefused {
  readonly kind: 'refused';
  readonly failure: LoginFailure;
  readonly route: Route | null;
  /** The server that was asked last; null for none. */
  readonly server: string | null;
}

export type LoginOutcome =
  | {
      readonly kind: 'accepted';
      readonly login: AcceptedLogin;
      readonly route: RouteToServer;
      readonly server: string;
    }
  | LoginRefused
  | { readonly kind: 'aborted' };

// For the connections to all candidates together.
const connectMsMax = 10_000;
// At one server, with the connection; longer than servers hold back a refused password (Dovecot: 2 s, 4 s where a
// policy delays it).
const attemptMsMax = 20_000;
const reconnectPauseMs = 200;
// So many proxies may stand in a row, us among them.
const proxyTtlMax = 5;

/**
 * Identifies the mailbox, finds its server and logs in there. Where no server of the estate known to this conversation
 * takes the login and the newest revision names another one, that is tried too, once: the mailbox has moved meanwhile.
 */
export async function logIn(question: LoginQuestion): Promise<LoginOutcome> {
  const { services, snapshot, protocol, credentials } = question;
  const proxyTtl = Math.min(question.proxyTtl ?? proxyTtlMax, proxyTtlMax);
  if (proxyTtl <= 1) return refused({ kind: 'configuration', detail: 'proxying loops' }, null);
  const name = mailboxNameOf(credentials);
  if (name === '') return refused({ kind: 'authentication', detail: 'the token names nobody' }, null);
  const route = routeLogin(services, snapshot, protocol.name, name);
  if (route.kind === 'nowhere') return refused(route.failure, route);
  const outcome = await logInAtOneOf(question, route, route.candidates);
  if (outcome.kind !== 'refused' || failureEffects[outcome.failure.kind].retry === 'never') return outcome;
  const newRoute = routeLogin(services, services.freshSnapshot(), protocol.name, name);
  if (newRoute.kind === 'nowhere') return outcome;
  const others = newRoute.candidates.filter((one) => !route.candidates.some((tried) => isSamePlace(one, tried)));
  return others.length === 0 ? outcome : logInAtOneOf(question, newRoute, others);
}

/**
 * Logs in at the first candidate that can be talked to: the next one is tried as long as no credential was sent. Where
 * there is none left, one that has cut the connection, as servers do while they restart, is tried once more.
 */
export async function logInAtOneOf(
  question: LoginQuestion,
  route: RouteToServer,
  candidates: readonly Candidate[],
): Promise<LoginOutcome> {
  const connectEndAtMs = performance.now() + connectMsMax;
  let cutOff: Candidate | null = null;
  let outcome: LoginOutcome = refused({ kind: 'internal', detail: 'no candidate' }, route);
  for (const [index, candidate] of candidates.entries()) {
    const nowMs = performance.now();
    if (nowMs >= connectEndAtMs) break;
    const shareMs = (connectEndAtMs - nowMs) / (candidates.length - index);
    const login = await attempt(question, candidate, nowMs + shareMs);
    outcome = outcomeOf(login, route, candidate);
    if (login.kind !== 'refused' || !mayGoOn(login)) return outcome;
    if (login.stage === 'cut') cutOff ??= candidate;
  }
  if (cutOff === null) return outcome;
  await pause(reconnectPauseMs, question.signal);
  if (performance.now() >= connectEndAtMs) return outcome;
  return outcomeOf(await attempt(question, cutOff, connectEndAtMs), route, cutOff);
}

function mayGoOn({ stage, failure }: ServerLogin & { readonly kind: 'refused' }): boolean {
  return stage !== 'late' && failureEffects[failure.kind].retry === 'next-server';
}

async function attempt(
  question: LoginQuestion,
  { target, endpoint }: Candidate,
  connectEndAtMs: number,
): Promise<ServerLogin> {
  const { protocol, credentials, client, signal, sessionId, observe } = question;
  const login = await logInAtServer({
    protocol,
    host: target.host,
    endpoint,
    credentials,
    client,
    sessionId,
    proxyTtl: Math.min(question.proxyTtl ?? proxyTtlMax, proxyTtlMax) - 1,
    signal,
    connectEndAtMs,
    endAtMs: performance.now() + attemptMsMax,
  });
  const health =
    login.kind === 'accepted' ? 'good' : login.kind === 'refused' && failureEffects[login.failure.kind].health;
  if (health === 'good' || health === 'bad') observe?.(target.server, protocol.name, health);
  return login;
}

function outcomeOf(login: ServerLogin, route: RouteToServer, { target: { server } }: Candidate): LoginOutcome {
  switch (login.kind) {
    case 'accepted':
      return { kind: 'accepted', login, route, server };
    case 'refused':
      return { kind: 'refused', failure: login.failure, route, server };
    case 'aborted':
      return login;
  }
}

/** Whose mailbox is opened; '' when nobody is named. */
function mailboxNameOf(credentials: LoginCredentials): string {
  // RFC 4616 §2: the authorization identity, by leave of the user who proves himself.
  return credentials.kind === 'token' ? credentials.user : credentials.authorizationId || credentials.user;
}

function refused(failure: LoginFailure, route: Route | null): LoginRefused {
  return { kind: 'refused', failure, route, server: null };
}
