import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { LoginCredentials } from '../../protocols/sasl/login-credentials.js';
import type { LoginProtocol } from '../../protocols/sasl/login-protocol.js';
import type { Listener } from '../../topology/catalogue/catalogue.js';
import type { ClientConnection } from '../admit-connection.js';
import type { DoorServices, Snapshot } from '../door-services.js';
import { pause } from '../pause.js';
import type { ClientSide, ClientTurn, LoginStep, Over } from './client-side.js';
import type { DoorMemory } from './door-memory.js';
import { failureEffects } from './failure-effects.js';
import { type LoginOutcome, type LoginRefused, logIn, type ServerObserver } from './log-in.js';
import type { MailSession } from './mail-session.js';
import type { SessionLog } from './session-log.js';

export interface ClientLogin {
  readonly services: DoorServices;
  readonly snapshot: Snapshot;
  readonly listener: Listener;
  readonly protocol: LoginProtocol;
  readonly client: ClientConnection;
  readonly clientSide: ClientSide;
  readonly session: MailSession;
  readonly log: SessionLog;
  readonly memory: DoorMemory;
  readonly delayMs: (refusedCount: number) => number;
  readonly observe?: ServerObserver | undefined;
}

/** A client and its server, both logged in. */
export interface Joined {
  readonly kind: 'joined';
  readonly server: Socket;
  /** What each is still to be told. */
  readonly toClient: Buffer;
  readonly toServer: Buffer;
}

// Set maxConnectionsPerUser to 2147483647 for no limit.
const connectionsPerUserMax = 16;

type Accepted = LoginOutcome & { readonly kind: 'accepted' };

/** The dialogue with the client, login after login, until one is accepted or the conversation is over. */
export async function logInClient(question: ClientLogin): Promise<Joined | Over> {
  const { clientSide, session } = question;
  let turn: ClientTurn = await clientSide.begin();
  for (;;) {
    if (turn.kind === 'over') return turn;
    const ending = new AbortController();
    session.cancel = () => ending.abort();
    if (session.endedBy !== null) return clientSide.aborted();
    const outcome = await settle(question, turn, ending.signal);
    session.cancel = null;
    switch (outcome.kind) {
      case 'aborted':
        return clientSide.aborted();
      case 'accepted':
        return join(question, turn.credentials, outcome);
      case 'refused':
        turn = await clientSide.refuse(outcome.failure);
    }
  }
}

/** Logs in at a server; a refusal is held back. */
async function settle(question: ClientLogin, step: LoginStep, signal: AbortSignal): Promise<LoginOutcome> {
  const startedAtMs = performance.now();
  const outcome = await outcomeOf(question, step, signal);
  if (outcome.kind === 'accepted') question.memory.refusals.accepted(question.session.clientAddress);
  if (outcome.kind !== 'refused') return outcome;
  question.log.refused(nameOf(step.credentials), outcome);
  await holdBack(question, outcome, startedAtMs, signal);
  return signal.aborted ? { kind: 'aborted' } : outcome;
}

async function outcomeOf(
  question: ClientLogin,
  { credentials, proxyTtl }: LoginStep,
  signal: AbortSignal,
): Promise<LoginOutcome> {
  const { services, snapshot, protocol, client, session, log, observe } = question;
  const sessionId = session.id;
  try {
    const outcome = await logIn({
      services,
      snapshot,
      protocol,
      client,
      credentials,
      proxyTtl,
      sessionId,
      signal,
      observe,
    });
    return outcome.kind === 'accepted' ? admitLogin(question, outcome, signal) : outcome;
  } catch (error) {
    log.fault(error);
    return { kind: 'refused', failure: { kind: 'internal', detail: 'a fault' }, route: null, server: null };
  }
}

/** The server has accepted; the door may have had enough connections of this user, or be closing. */
function admitLogin({ session, listener }: ClientLogin, accepted: Accepted, signal: AbortSignal): LoginOutcome {
  const { login, route, server } = accepted;
  const max = listener.limits.maxConnectionsPerUser ?? connectionsPerUserMax;
  if (!signal.aborted && session.admitUser(route.mailbox, max)) return accepted;
  login.socket.destroy();
  if (signal.aborted) return { kind: 'aborted' };
  const detail = `more than ${max} connections of one user`;
  return { kind: 'refused', failure: { kind: 'limit', detail }, route, server };
}

/** What each side is to hear of what the other has said up to now. */
function join(question: ClientLogin, credentials: LoginCredentials, accepted: Accepted): Joined {
  const { clientSide, session, log } = question;
  const { login, route, server } = accepted;
  const { output, pending } = clientSide.accept(login.text, login.untagged);
  session.server = server;
  const serverTls = login.socket instanceof TLSSocket ? login.socket.getProtocol() : null;
  log.accepted(nameOf(credentials), route, server, { client: clientSide.tls, server: serverTls });
  const toClient = login.pending.length === 0 ? output : Buffer.concat([output, login.pending]);
  return { kind: 'joined', server: login.socket, toClient, toServer: pending };
}

/** Makes an unknown name as slow as a wrong password, and both slower the more of them an address has had refused. */
async function holdBack(
  { memory, delayMs, session }: ClientLogin,
  { failure, route }: LoginRefused,
  startedAtMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (failureEffects[failure.kind].blame === 'nobody') return pause(delayMs(1), signal);
  const tookMs = performance.now() - startedAtMs;
  const refusedCount = memory.refusals.refused(session.clientAddress);
  if (route?.kind === 'server') memory.pace.serverRefused(tookMs);
  else await pause(memory.pace.nextMs() - tookMs, signal);
  await pause(delayMs(refusedCount), signal);
}

/** Who logs in, and in whose name. */
function nameOf(credentials: LoginCredentials): string {
  const { user } = credentials;
  if (credentials.kind === 'token' || credentials.authorizationId === '') return user;
  return credentials.authorizationId === user ? user : `${user} as ${credentials.authorizationId}`;
}
