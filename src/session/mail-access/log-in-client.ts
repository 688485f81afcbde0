import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Credentials, LoginFailure, LoginProtocol } from '../../protocols/sasl/login-protocol.js';
import type { Listener } from '../../topology/catalogue/catalogue.js';
import type { ClientConnection } from '../admit-connection.js';
import type { DoorServices, Snapshot } from '../door-services.js';
import { pause } from '../pause.js';
import type { ClientSide, ClientTurn, Over } from './client-side.js';
import { isFull } from './connection-limits.js';
import { type LoginOutcome, logIn } from './log-in.js';
import type { MailSession } from './mail-session.js';
import type { RefusalPace } from './refusal-delay.js';
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
  readonly pace: RefusalPace;
  readonly delayMs: (refusedCount: number) => number;
}

/** A client and its server, both logged in. */
export interface Joined {
  readonly kind: 'joined';
  readonly server: Socket;
  readonly idleTimeoutMs: number;
  /** What was passed on with the login. */
  readonly bytesFromClient: number;
  readonly bytesFromServer: number;
}

// RFC 9051 §5.4: a server must wait 30 minutes at least. The door waits longer than its servers, so that theirs is the
// goodbye and it only clears away what no side has ended.
const idleTimeoutMs = 35 * 60_000;

type Accepted = LoginOutcome & { readonly kind: 'accepted' };

/** The dialogue with the client, login after login, until one is accepted or the conversation is over. */
export async function logInClient(question: ClientLogin): Promise<Joined | Over> {
  const { clientSide, session, log } = question;
  let turn: ClientTurn = await clientSide.begin();
  for (let refusedCount = 1; ; refusedCount++) {
    if (turn.kind === 'over') return turn;
    const { credentials } = turn;
    const startedAtMs = performance.now();
    const outcome = await outcomeOf(question, credentials);
    switch (outcome.kind) {
      case 'aborted':
        return clientSide.aborted();
      case 'accepted':
        return join(question, credentials, outcome);
      case 'refused':
        log.refused(nameOf(credentials), outcome.failure, outcome.route);
        await holdBack(question, outcome, startedAtMs, refusedCount);
    }
    if (session.signal.aborted) return clientSide.aborted();
    turn = await clientSide.refuse(outcome.failure);
  }
}

type Settled = Exclude<LoginOutcome, { kind: 'refused' }> | Refused;
interface Refused {
  readonly kind: 'refused';
  readonly failure: LoginFailure;
  readonly route: (LoginOutcome & { kind: 'refused' })['route'] | null;
}

async function outcomeOf(question: ClientLogin, credentials: Credentials): Promise<Settled> {
  const { services, snapshot, protocol, client, session, log } = question;
  const { signal } = session;
  try {
    const outcome = await logIn({ services, snapshot, protocol, client, credentials, signal });
    return outcome.kind === 'accepted' ? admitLogin(question, outcome) : outcome;
  } catch (error) {
    log.fault(error);
    return { kind: 'refused', failure: { kind: 'internal', detail: 'a fault' }, route: null };
  }
}

/** The server has accepted; the door may have had enough connections of this user, or be closing. */
function admitLogin({ services, session, listener }: ClientLogin, accepted: Accepted): Settled {
  const { login, route } = accepted;
  session.user = route.mailbox;
  const { maxConnectionsPerUser } = listener.limits;
  const isAborted = session.signal.aborted;
  if (!isAborted && !isFull(services.sessions, session, 'user', maxConnectionsPerUser)) return accepted;
  session.user = null;
  login.socket.destroy();
  if (isAborted) return { kind: 'aborted' };
  const detail = `more than ${maxConnectionsPerUser} connections of one user`;
  return { kind: 'refused', failure: { kind: 'limit', detail }, route };
}

/** Gives each side what the other has said up to now. */
function join(question: ClientLogin, credentials: Credentials, { login, route }: Accepted): Joined {
  const { clientSide, session, log, listener } = question;
  const server = login.socket;
  const { output, pending } = clientSide.accept(login.text, login.untagged);
  session.server = route.target.server;
  session.stage = 'relaying';
  const serverTls = server instanceof TLSSocket ? server.getProtocol() : null;
  log.accepted(nameOf(credentials), route, { client: clientSide.tls, server: serverTls });
  const toClient = Buffer.concat([output, login.pending]);
  session.socket.write(toClient);
  if (pending.length > 0) server.write(pending);
  return {
    kind: 'joined',
    server,
    idleTimeoutMs: listener.limits.idleTimeout ?? idleTimeoutMs,
    bytesFromClient: pending.length,
    bytesFromServer: toClient.length,
  };
}

/** Makes an unknown name as slow as a wrong password, and both slower the more of them there were. */
async function holdBack(
  { pace, delayMs, session }: ClientLogin,
  { failure, route }: Refused,
  startedAtMs: number,
  refusedCount: number,
): Promise<void> {
  const tookMs = performance.now() - startedAtMs;
  if (failure.kind === 'authentication') {
    if (route?.kind === 'server') pace.serverRefused(tookMs);
    else await pause(pace.nextMs() - tookMs, session.signal);
  }
  await pause(delayMs(refusedCount), session.signal);
}

/** Who logs in, and in whose name. */
function nameOf({ user, authorizationId }: Credentials): string {
  return authorizationId === '' || authorizationId === user ? user : `${user} as ${authorizationId}`;
}
