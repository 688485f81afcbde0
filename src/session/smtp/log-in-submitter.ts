import { reasonOf } from '../../errors.js';
import { ConnectFailure } from '../../net/connect-failure.js';
import type { LoginCredentials } from '../../protocols/sasl/login-credentials.js';
import type { SmtpReply } from '../../protocols/smtp/replies.js';
import type { ServerStep } from '../../protocols/smtp/server-step.js';
import { introduceClient } from './introduce-client.js';
import {
  type Candidate,
  type ClientIdentity,
  negotiate,
  type OpenedServer,
  type ServerRequest,
} from './open-server.js';
import { ServerConnection } from './server-connection.js';
import type { TransactionDeadlines } from './server-transaction.js';

export interface SubmitterRequest {
  readonly credentials: LoginCredentials;
  readonly heloName: string;
  readonly client: ClientIdentity;
  readonly deadlines: TransactionDeadlines;
  readonly signal: AbortSignal;
}

/** A connection on which a server has accepted a client's credentials. */
export type LoggedInConnection = ServerConnection;

/**
 * `refused`: the credentials are wrong; `temporary`: nobody could say, `reply` has the code of the server that said so
 * last. The words are ours in both: a server may repeat the password in its own.
 */
export type SubmitterLogin =
  | { readonly kind: 'accepted'; readonly server: string; readonly connection: LoggedInConnection }
  | { readonly kind: 'refused'; readonly reply: SmtpReply }
  | { readonly kind: 'temporary'; readonly reason: string; readonly reply: SmtpReply | null };

// RFC 4954 §6: 432 asks the user for a step that no other server would spare; the 5xx are not about the credentials.
const finalTemporaryCode = 432;
const codesOfConfiguration: ReadonlySet<number> = new Set([502, 504, 538]);

/**
 * Logs a client in at the first server that can tell whether its credentials are right. The connection stays open for
 * `openOnConnection()` and must be ended by `quit()` or `drop()`. Rejects for faults of ours only.
 */
export async function logInSubmitter(
  candidates: readonly Candidate[],
  request: SubmitterRequest,
): Promise<SubmitterLogin> {
  const reasons: string[] = [];
  let reply: SmtpReply | null = null;
  for (const candidate of candidates) {
    if (request.signal.aborted) break;
    const outcome = await logInAt(candidate, request);
    if (outcome.kind !== 'temporary') return outcome;
    reasons.push(`${candidate.server}: ${outcome.reason}`);
    reply = outcome.reply ?? reply;
    if (outcome.reply?.code === finalTemporaryCode) break;
  }
  return { kind: 'temporary', reason: reasons.length === 0 ? 'no server was asked' : reasons.join('; '), reply };
}

/** Opens a message on a connection of `logInSubmitter()`; it stays open for the next one. */
export async function openOnConnection(
  connection: LoggedInConnection,
  request: Pick<ServerRequest, 'envelope' | 'until' | 'deadlines' | 'signal'>,
): Promise<OpenedServer> {
  await connection.settled();
  if (connection.isLost) return { kind: 'refused', server: null, reply: ended(connection), refused: [], tried: [] };
  connection.attach(request.signal);
  const outcome = await negotiate(connection, request, { kind: 'keep' });
  if (outcome.kind === 'taken' || outcome.kind === 'refused') return { ...outcome, tried: [] };
  const tried = [{ server: connection.server, reason: outcome.reason }];
  const reply = outcome.kind === 'failed' ? outcome.reply : null;
  return { kind: 'refused', server: null, reply: reply ?? ended(connection), refused: [], tried };
}

async function logInAt(
  { server, host, endpoint }: Candidate,
  { credentials, heloName, client, deadlines, signal }: SubmitterRequest,
): Promise<SubmitterLogin> {
  const { connectTimeoutMs, replyTimeoutMs } = deadlines;
  const introduction = introduceClient(endpoint, client);
  let connection: ServerConnection;
  try {
    const options = { server, host, endpoint, heloName, connectTimeoutMs, signal, credentials };
    connection = await ServerConnection.open({ ...options, ...introduction });
  } catch (error) {
    const isExpected = error instanceof ConnectFailure || signal.aborted;
    if (isExpected) return { kind: 'temporary', reason: reasonOf(error), reply: null };
    throw error;
  }
  const step = await connection.next(replyTimeoutMs);
  connection.detach();
  if (step.kind === 'ready') return { kind: 'accepted', server, connection };
  connection.drop();
  return refusalOf(step);
}

function refusalOf(step: ServerStep): SubmitterLogin {
  if (step.kind !== 'failed') {
    return { kind: 'temporary', reason: `the dialogue with the server came to "${step.kind}"`, reply: null };
  }
  const { stage, reply, reason } = step;
  if (stage !== 'auth' || reply === null || reply.code < 400) {
    return { kind: 'temporary', reason: `${stage}: ${reason}`, reply: null };
  }
  const { code, enhanced } = reply;
  if (code >= 500 && !codesOfConfiguration.has(code)) {
    return { kind: 'refused', reply: { code, enhanced, text: 'Authentication failed' } };
  }
  const words = `${stage}: the server answered ${code}${enhanced === null ? '' : ` ${enhanced}`}`;
  if (code >= 500) return { kind: 'temporary', reason: words, reply: null };
  return { kind: 'temporary', reason: words, reply: { code, enhanced, text: 'Temporary authentication failure' } };
}

const ended = (connection: ServerConnection): SmtpReply =>
  connection.isIdle
    ? { code: 451, enhanced: '4.4.1', text: 'The mailbox server cannot take the message now; try again later' }
    : { code: 421, enhanced: '4.4.2', text: 'The mailbox server closed the connection' };
