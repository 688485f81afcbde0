import type { SmtpReply } from '../../protocols/smtp/replies.js';
import type { RecipientReply } from '../../protocols/smtp/server-step.js';
import { openOnConnection } from './log-in-submitter.js';
import { candidatesOf, type MailTransaction } from './mail-transaction.js';
import { type Attempt, type OpenedServer, openServer } from './open-server.js';
import { ownReplies } from './own-replies.js';
import type { SmtpSession } from './smtp-session.js';

/**
 * Asks the server for the recipient that was accepted last, or for all so far when it was not asked yet. Null: it takes
 * it, or nobody could be asked now, which is seen to at DATA. A refusal takes the recipient out again.
 */
export async function openEarly(session: SmtpSession, transaction: MailTransaction): Promise<SmtpReply | null> {
  const { early } = transaction;
  const last = transaction.recipients.at(-1);
  if (last === undefined) return null;
  if (early !== null) {
    const answer = await early.transaction.addRecipients([last]);
    if (answer.kind === 'answered') return heed(session, transaction, last.address, answer.replies);
    transaction.early = null;
    if (answer.kind === 'lost') transaction.tried.push({ server: early.server, reason: answer.reason });
    return null;
  }
  transaction.forgetOtherWays();
  const opened = await openFor(session, transaction, 'recipients', { discarded: new Set(), tried: transaction.tried });
  transaction.tried.push(...opened.tried);
  if (opened.kind === 'refused') {
    // A next hop outside is that of this very recipient.
    if (transaction.destination === 'outside') return refuse(session, transaction, opened.reply);
    transaction.earlyRefusal = opened.reply;
    return null;
  }
  const { server, refused } = opened;
  transaction.early = { server, transaction: opened.transaction };
  const before = refused.find(({ address }) => address !== last.address);
  if (before !== undefined) {
    // It has heard 250, so it is DATA that must be refused: all are asked for again there, or none.
    abandonEarly(session, transaction);
    transaction.earlyRefusal = before.reply;
  }
  return heed(session, transaction, last.address, refused);
}

/** Opens a server for all accepted recipients that are not discarded. */
export async function openFor(
  session: SmtpSession,
  transaction: MailTransaction,
  until: 'recipients' | 'data',
  { discarded, tried }: { readonly discarded: ReadonlySet<string>; readonly tried: readonly Attempt[] },
): Promise<OpenedServer> {
  // One connection a client: who begins and gives up without end has to wait for the server as well.
  if (session.abandoned !== null) await session.abandoned.settled();
  session.abandoned = null;
  const { services, pool } = session.options;
  const decision = transaction.decide(services.availability);
  if (decision.reply !== null) {
    const { code, enhanced, text } = decision.reply;
    return { kind: 'refused', server: null, reply: { code: Number(code), enhanced, text }, refused: [], tried: [] };
  }
  const to = transaction.recipients.filter(({ address }) => !discarded.has(address));
  const envelope = transaction.wireEnvelope(to, headerRoom);
  const { wayOut: way } = transaction.envelope;
  if (way?.kind === 'send') {
    const { session: snapshot } = transaction;
    const opened = await services.outbound.open({
      way,
      snapshot,
      envelope,
      until,
      tried,
      signal: session.options.signal,
    });
    transaction.search.push(...opened.trace);
    return opened;
  }
  const request = { envelope, until, pool, ...session.serverSetting() };
  const candidates = candidatesOf(decision, transaction.session, services, tried);
  const { login } = session;
  const { earlyRefusal } = transaction;
  if (candidates.length === 0 && earlyRefusal !== null) {
    return { kind: 'refused', server: null, reply: earlyRefusal, refused: [], tried: [] };
  }
  if (login === null) return openServer(candidates, request);
  const isThere = candidates.some(({ server }) => server === login.server);
  if (isThere && !login.connection.isLost) {
    const opened = await openOnConnection(login.connection, request);
    if (opened.kind !== 'refused' || opened.server !== null || !login.connection.isLost) return opened;
  }
  // The credentials are not kept: another server can only be asked by a client that logs on again.
  session.mustClose = true;
  return { kind: 'refused', server: login.server, reply: ownReplies.loginLost, refused: [], tried: [] };
}

export function abandonEarly(session: SmtpSession, transaction: MailTransaction): void {
  if (transaction.early === null) return;
  session.abandoned = transaction.early.transaction;
  session.abandoned.abandon();
  transaction.early = null;
}

/** Room for what we put on top, so that the declared size is not too small. */
const headerRoom = 1024;

function heed(
  session: SmtpSession,
  transaction: MailTransaction,
  address: string,
  replies: readonly RecipientReply[],
): SmtpReply | null {
  const answer = replies.find((reply) => reply.address === address);
  return answer === undefined || answer.reply.code < 300 ? null : refuse(session, transaction, answer.reply);
}

/** Takes the last recipient out again; without any left the next one may have to go elsewhere. */
function refuse(session: SmtpSession, transaction: MailTransaction, reply: SmtpReply): SmtpReply {
  const mayMove = transaction.mayMove;
  transaction.refuseLast(reply);
  if (mayMove && transaction.recipients.length === 0) abandonEarly(session, transaction);
  return reply;
}
