import { reasonOf } from '../../errors.js';
import { ConnectFailure } from '../../net/connect-failure.js';
import { messageSizeMax, type ServerCapabilities } from '../../protocols/smtp/capabilities.js';
import type { Envelope } from '../../protocols/smtp/envelope.js';
import type { SmtpReply } from '../../protocols/smtp/replies.js';
import type { ServerFailure } from '../../protocols/smtp/server-step.js';
import type { Endpoint } from '../../topology/endpoints.js';
import { ServerConnection } from './server-connection.js';

/** How long a server may take: to be reached, for each reply, to take bytes, for its word on the whole message. */
export interface TransactionDeadlines {
  readonly connectTimeoutMs: number;
  readonly replyTimeoutMs: number;
  readonly blockTimeoutMs: number;
  readonly finalReplyTimeoutMs: number;
}

// RFC 5321 §4.5.3.2: 3 minutes for a block of data, 10 for the answer to its end.
export const defaultDeadlines: TransactionDeadlines = {
  connectTimeoutMs: 10_000,
  replyTimeoutMs: 60_000,
  blockTimeoutMs: 180_000,
  finalReplyTimeoutMs: 600_000,
};

export interface TransactionRequest {
  readonly host: string;
  readonly endpoint: Endpoint;
  /** Our name in EHLO. */
  readonly heloName: string;
  readonly envelope: Envelope;
  readonly deadlines: TransactionDeadlines;
  /** Raised: the message is given up, and the connection dropped. */
  readonly signal: AbortSignal;
}

/** The server's word on a message; `lost`: there was none. */
export type ServerVerdict =
  | { readonly kind: 'accepted' | 'refused'; readonly reply: SmtpReply }
  | { readonly kind: 'lost'; readonly reason: string };

/** A server that waits for the bytes of a message. */
export interface ServerTransaction {
  /** Bytes in wire form; resolves when more may follow, with null unless it is over. */
  write(bytes: Buffer): Promise<ServerVerdict | null>;
  /** The last bytes, the end mark with them. */
  finish(bytes: Buffer): Promise<ServerVerdict>;
  /** Cuts the connection; before `finish` the server then never takes the message. */
  drop(): void;
}

/**
 * `refused`: the server's word on this message, which others would give too. `failed`: this server cannot take it now;
 * `reply` is what to tell the client when no other can either, null: that it was temporary.
 */
export type TransactionStart =
  | { readonly kind: 'taken'; readonly transaction: ServerTransaction }
  | { readonly kind: 'refused'; readonly reply: SmtpReply }
  | { readonly kind: 'failed'; readonly reason: string; readonly reply: SmtpReply | null };

/** Brings a server to where it waits for the message, or says why not. Rejects only for faults of ours. */
export async function startTransaction(request: TransactionRequest): Promise<TransactionStart> {
  const { host, endpoint, heloName, signal, deadlines } = request;
  let connection: ServerConnection;
  try {
    const { connectTimeoutMs } = deadlines;
    connection = await ServerConnection.open({ host, endpoint, heloName, connectTimeoutMs, signal });
  } catch (error) {
    if (error instanceof ConnectFailure || signal.aborted) {
      return { kind: 'failed', reason: reasonOf(error), reply: null };
    }
    throw error;
  }
  try {
    return await negotiate(connection, request);
  } catch (error) {
    connection.drop();
    throw error;
  }
}

async function negotiate(connection: ServerConnection, request: TransactionRequest): Promise<TransactionStart> {
  const { dialogue } = connection;
  for (;;) {
    const step = await connection.next(request.deadlines.replyTimeoutMs);
    switch (step.kind) {
      case 'ready': {
        const unfit = unfitness(step.capabilities, request.envelope);
        if (unfit !== null) {
          connection.quit();
          return { kind: 'failed', reason: unfit.text, reply: unfit };
        }
        connection.follow(dialogue.startTransaction(request.envelope));
        break;
      }
      case 'recipients': {
        const [refusal] = step.refused;
        if (refusal !== undefined) {
          void connection.abandon();
          return { kind: 'refused', reply: refusal.reply };
        }
        connection.follow(dialogue.startData());
        break;
      }
      case 'send-body':
        return { kind: 'taken', transaction: transactionOver(connection, request.deadlines) };
      case 'failed':
        return startFailure(connection, step);
      case 'wait':
      case 'start-tls':
      case 'finished':
      case 'closed':
        connection.drop();
        return { kind: 'failed', reason: `the dialogue with the server came to "${step.kind}"`, reply: null };
    }
  }
}

/** Only a permanent refusal of the sender or of DATA is about the message; all else is about this server. */
function startFailure(connection: ServerConnection, failure: ServerFailure): TransactionStart {
  const { stage, reply, reason } = failure;
  if (failure.connection === 'spent') connection.drop();
  else if (stage === 'data') void connection.abandon();
  else connection.quit();
  const aboutMessage = failure.connection === 'usable' && (stage === 'mail' || stage === 'data');
  if (aboutMessage && reply !== null && reply.code >= 500) return { kind: 'refused', reply };
  return { kind: 'failed', reason: `${stage}: ${reason}`, reply: null };
}

/** Why this server cannot carry the message at all, though another may; null when it can. */
function unfitness(capabilities: ServerCapabilities, envelope: Envelope): SmtpReply | null {
  const sizeMax = messageSizeMax(capabilities);
  if (sizeMax !== null && envelope.size !== undefined && envelope.size > sizeMax) {
    return { code: 552, enhanced: '5.3.4', text: `The mailbox server takes messages of ${sizeMax} bytes at most` };
  }
  if (envelope.body8bit && !capabilities.keywords.has('8BITMIME')) {
    return { code: 554, enhanced: '5.6.3', text: 'The mailbox server does not take 8-bit messages' };
  }
  return null;
}

function transactionOver(connection: ServerConnection, deadlines: TransactionDeadlines): ServerTransaction {
  const { dialogue } = connection;
  const write = async (bytes: Buffer): Promise<ServerVerdict | null> => {
    const failure = await connection.write(bytes, deadlines.blockTimeoutMs);
    if (failure === null) return null;
    connection.drop();
    return verdictOf(failure);
  };
  return {
    write,
    async finish(bytes) {
      const verdict = await write(bytes);
      if (verdict !== null) return verdict;
      connection.follow(dialogue.bodySent());
      const step = await connection.next(deadlines.finalReplyTimeoutMs);
      if (step.kind === 'finished' || (step.kind === 'failed' && step.connection === 'usable')) connection.quit();
      else connection.drop();
      if (step.kind === 'finished') return { kind: 'accepted', reply: step.reply };
      return step.kind === 'failed' ? verdictOf(step) : { kind: 'lost', reason: `the server came to "${step.kind}"` };
    },
    drop: () => connection.drop(),
  };
}

// RFC 5321 §3.8: 421 is about the connection, whatever it answers.
function verdictOf({ reply, reason }: ServerFailure): ServerVerdict {
  return reply !== null && reply.code >= 400 && reply.code !== 421
    ? { kind: 'refused', reply }
    : { kind: 'lost', reason };
}
