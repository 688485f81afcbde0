import { reasonOf } from '../../errors.js';
import { ConnectFailure } from '../../net/connect-failure.js';
import type { Envelope } from '../../protocols/smtp/envelope.js';
import type { SmtpReply } from '../../protocols/smtp/replies.js';
import type { RecipientReply, ServerFailure, ServerStep } from '../../protocols/smtp/server-step.js';
import type { Endpoint } from '../../topology/endpoints.js';
import { briefReason, briefReply } from './brief-reply.js';
import { introduceClient } from './introduce-client.js';
import { ownReplies } from './own-replies.js';
import { ServerConnection } from './server-connection.js';
import { poolKeyOf, type ServerPool } from './server-pool.js';
import {
  type Afterwards,
  briefAnswer,
  giveUp,
  OpenTransaction,
  release,
  type ServerTransaction,
  type TransactionDeadlines,
} from './server-transaction.js';

/** A server to try. */
export interface Candidate {
  readonly server: string;
  readonly host: string;
  readonly endpoint: Endpoint;
}

/** Who speaks to us, as servers may be told. */
export interface ClientIdentity {
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly helo: string | null;
  readonly protocol: 'SMTP' | 'ESMTP';
  /** The name of the login; null: nobody logged in. */
  readonly user: string | null;
}

/** A message that is to be opened at a server. */
export interface ServerRequest {
  /** With one recipient at least. */
  readonly envelope: Envelope;
  /**
   * `recipients`: until they are answered, each in its way; `data`: until the message may come, for all of them or not
   * at all.
   */
  readonly until: 'recipients' | 'data';
  /** Our name in EHLO. */
  readonly heloName: string;
  /** For endpoints that ask for it. */
  readonly client: ClientIdentity;
  readonly deadlines: TransactionDeadlines;
  /** Raised: the message is given up, and the connection dropped. */
  readonly signal: AbortSignal;
  readonly pool: ServerPool;
}

/** A server that was tried in vain, and why. */
export interface Attempt {
  readonly server: string;
  readonly reason: string;
}

/**
 * The server that has the message open, or what to answer. `refused` are the recipients it refused; with `data` a
 * server that is taken refused none.
 */
export type OpenedServer = { readonly tried: readonly Attempt[] } & (Taken | Refused);

interface Taken {
  readonly kind: 'taken';
  readonly server: string;
  readonly transaction: ServerTransaction;
  readonly refused: readonly RecipientReply[];
}

interface Refused {
  readonly kind: 'refused';
  /** Whose word it is; null: ours. */
  readonly server: string | null;
  readonly reply: SmtpReply;
  readonly refused: readonly RecipientReply[];
}

/**
 * `failed`: this server cannot take it now; `reply` is what to tell the client when no other can either, null: that it
 * was temporary. `stale`: the connection was dead before anything was answered.
 */
export type Negotiated =
  | Taken
  | Refused
  | { readonly kind: 'failed'; readonly reason: string; readonly reply: SmtpReply | null }
  | { readonly kind: 'stale'; readonly reason: string };

/** Tries the servers one after the other until one has the message open or refuses it for good. */
export async function openServer(candidates: readonly Candidate[], request: ServerRequest): Promise<OpenedServer> {
  const tried: Attempt[] = [];
  const unfit: SmtpReply[] = [];
  for (const candidate of candidates) {
    if (request.signal.aborted) break;
    const outcome = await openAt(candidate, request);
    if (outcome.kind === 'taken' || outcome.kind === 'refused') return { ...outcome, tried };
    tried.push({ server: candidate.server, reason: outcome.reason });
    if (outcome.kind === 'failed' && outcome.reply !== null) unfit.push(outcome.reply);
  }
  // A server that could not be asked may yet be fit.
  const [first] = unfit;
  const reply = first !== undefined && unfit.length === tried.length ? first : ownReplies.noServer;
  return { kind: 'refused', server: null, reply, refused: [], tried };
}

/** Over an idle connection when there is one, else over a new one. */
async function openAt(candidate: Candidate, request: ServerRequest): Promise<Negotiated> {
  const { pool, heloName } = request;
  const key = poolKeyOf(candidate, heloName);
  const afterwards: Afterwards = key === null ? { kind: 'quit' } : { kind: 'pool', pool, key };
  const idle = key === null ? null : pool.take(key);
  if (idle !== null) {
    idle.attach(request.signal);
    const outcome = await negotiate(idle, request, afterwards);
    if (outcome.kind !== 'stale') return outcome;
  }
  let connection: ServerConnection;
  try {
    connection = await connect(candidate, request);
  } catch (error) {
    const isExpected = error instanceof ConnectFailure || request.signal.aborted;
    if (isExpected) return { kind: 'failed', reason: reasonOf(error), reply: null };
    throw error;
  }
  const step = await connection.next(request.deadlines.replyTimeoutMs);
  if (step.kind !== 'ready') return failureOf(connection, step, afterwards);
  return negotiate(connection, request, afterwards);
}

function connect({ server, host, endpoint }: Candidate, request: ServerRequest): Promise<ServerConnection> {
  const { heloName, client, signal, deadlines } = request;
  const { connectTimeoutMs } = deadlines;
  const introduction = introduceClient(endpoint, client);
  const options = { server, host, endpoint, heloName, connectTimeoutMs, signal, credentials: null };
  return ServerConnection.open({ ...options, ...introduction });
}

/** Brings a connection between two messages to where the request wants it, or says why not. */
export async function negotiate(
  connection: ServerConnection,
  { envelope, until, deadlines }: Pick<ServerRequest, 'envelope' | 'until' | 'deadlines'>,
  afterwards: Afterwards,
): Promise<Negotiated> {
  const { server } = connection;
  const isUsed = connection.messageCount > 0;
  connection.messageCount += 1;
  const step = await connection.ask(
    (dialogue) => dialogue.startTransaction(envelope, { withData: until === 'data' }),
    deadlines.replyTimeoutMs,
  );
  switch (step.kind) {
    case 'send-body': {
      const transaction = new OpenTransaction(connection, 'body', deadlines, afterwards);
      return { kind: 'taken', server, transaction, refused: [] };
    }
    case 'recipients': {
      const refused = step.refused.map(briefAnswer);
      if (until === 'recipients') {
        const transaction = new OpenTransaction(connection, 'recipients', deadlines, afterwards);
        return { kind: 'taken', server, transaction, refused };
      }
      if (step.connection === 'spent') connection.drop();
      else giveUp(connection, afterwards);
      return { kind: 'refused', server, reply: refused[0]?.reply ?? ownReplies.fault, refused };
    }
    case 'unsendable':
      release(connection, afterwards);
      if (step.scope === 'message') return { kind: 'refused', server: null, reply: step.reply, refused: [] };
      return { kind: 'failed', reason: step.reply.text, reply: step.reply };
    case 'failed':
      if (isUsed && isStale(connection, step)) {
        connection.drop();
        return { kind: 'stale', reason: step.reason };
      }
      return failureOf(connection, step, afterwards);
    default:
      return failureOf(connection, step, afterwards);
  }
}

/** Closed, or told to go, before the reply to MAIL: nothing of the message can have been taken. */
function isStale(connection: ServerConnection, { stage, reply, connection: left }: ServerFailure): boolean {
  if (left !== 'spent' || (stage !== 'mail' && stage !== 'idle')) return false;
  // Words that nobody asked for were there before anything was sent.
  return reply === null ? connection.ending === 'closed' : reply.code === 421 || stage === 'idle';
}

/** Only a permanent refusal of the sender or of DATA is about the message; all else is about this server. */
export function failureOf(
  connection: ServerConnection,
  step: ServerStep,
  afterwards: Afterwards,
): Extract<Negotiated, { kind: 'refused' | 'failed' }> {
  if (step.kind !== 'failed') {
    connection.drop();
    return { kind: 'failed', reason: `the dialogue with the server came to "${step.kind}"`, reply: null };
  }
  const { stage, reply, reason, connection: left } = step;
  if (left === 'spent') connection.drop();
  else if (stage === 'data') giveUp(connection, afterwards);
  else release(connection, afterwards);
  const isAboutMessage = stage === 'mail' || (stage === 'data' && left === 'usable');
  if (isAboutMessage && reply !== null && reply.code >= 500) {
    return { kind: 'refused', server: connection.server, reply: briefReply(reply), refused: [] };
  }
  return { kind: 'failed', reason: `${stage}: ${briefReason(reason)}`, reply: null };
}
