import type { SmtpReply } from '../../protocols/smtp/replies.js';
import type { Endpoint } from '../../topology/endpoints.js';
import { ownReplies } from './own-replies.js';
import { type ServerTransaction, startTransaction, type TransactionRequest } from './server-transaction.js';

/** A server to try. */
export interface Candidate {
  readonly server: string;
  readonly host: string;
  readonly endpoint: Endpoint;
}

/** A server that was tried in vain, and why. */
export interface Attempt {
  readonly server: string;
  readonly reason: string;
}

/** The server that waits for the message, or what to answer. */
export type OpenedServer = { readonly tried: readonly Attempt[] } & (
  | { readonly kind: 'taken'; readonly server: string; readonly transaction: ServerTransaction }
  | { readonly kind: 'refused'; readonly server: string | null; readonly reply: SmtpReply }
);

/** Tries the servers one after the other until one waits for the message or refuses it for good. */
export async function openServer(
  candidates: readonly Candidate[],
  request: Omit<TransactionRequest, 'host' | 'endpoint'>,
): Promise<OpenedServer> {
  const tried: Attempt[] = [];
  const unfit: SmtpReply[] = [];
  for (const { server, host, endpoint } of candidates) {
    if (request.signal.aborted) break;
    const start = await startTransaction({ ...request, host, endpoint });
    switch (start.kind) {
      case 'taken':
        return { kind: 'taken', server, transaction: start.transaction, tried };
      case 'refused':
        return { kind: 'refused', server, reply: start.reply, tried };
      case 'failed':
        tried.push({ server, reason: start.reason });
        if (start.reply !== null) unfit.push(start.reply);
    }
  }
  // A server that could not be asked may yet be fit.
  const [first] = unfit;
  const reply = first !== undefined && unfit.length === tried.length ? first : ownReplies.noServer;
  return { kind: 'refused', server: null, reply, tried };
}
