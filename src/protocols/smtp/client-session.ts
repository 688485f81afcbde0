import type { SaslMechanism } from '../sasl/login-credentials.js';
import type { SmtpClientOptions } from './client-options.js';
import type { Question } from './client-state.js';

/** The message under way. */
export type Transaction =
  | { readonly kind: 'none' }
  /** MAIL was accepted; so many recipients were accepted and refused. */
  | {
      readonly kind: 'envelope';
      readonly utf8: 'allowed' | 'refused';
      readonly acceptedCount: number;
      readonly refusedCount: number;
    }
  /** A BDAT was accepted, and none was the last. */
  | { readonly kind: 'chunks' }
  /** A BDAT was refused: there are no others before the next MAIL (RFC 3030 §2). */
  | { readonly kind: 'broken' };

/** What the dialogue knows of the client between commands. */
export interface ClientSession {
  readonly channel: 'plain' | 'secure';
  readonly hello: { readonly verb: 'EHLO' | 'HELO'; readonly name: string } | null;
  readonly login: 'none' | 'done';
  readonly transaction: Transaction;
}

export const noTransaction: Transaction = { kind: 'none' };

/** A client that has said nothing yet. */
export function newSession(channel: 'plain' | 'secure'): ClientSession {
  return { channel, hello: null, login: 'none', transaction: noTransaction };
}

/** The session after the driver's answer. */
export function sessionAfter(
  question: Question,
  verdict: 'accepted' | 'refused',
  session: ClientSession,
): ClientSession {
  const { transaction } = session;
  const isAccepted = verdict === 'accepted';
  switch (question.kind) {
    case 'hello': {
      // RFC 5321 §4.1.4: a refused greeting changes nothing, an accepted one ends the transaction.
      const { verb, name } = question;
      return isAccepted ? { ...session, hello: { verb, name }, transaction: noTransaction } : session;
    }
    case 'mail':
      if (!isAccepted) return { ...session, transaction: noTransaction };
      return { ...session, transaction: { kind: 'envelope', utf8: question.utf8, acceptedCount: 0, refusedCount: 0 } };
    case 'recipient': {
      if (transaction.kind !== 'envelope') return session;
      const { acceptedCount, refusedCount } = transaction;
      const counts = isAccepted ? { acceptedCount: acceptedCount + 1 } : { refusedCount: refusedCount + 1 };
      return { ...session, transaction: { ...transaction, ...counts } };
    }
    case 'data':
      if (question.chunk === null) return session;
      return { ...session, transaction: { kind: isAccepted ? 'chunks' : 'broken' } };
    case 'login':
      return isAccepted ? { ...session, login: 'done' } : session;
    case 'xclient':
      return isAccepted ? newSession(session.channel) : session;
    case 'end-of-body':
      return { ...session, transaction: noTransaction };
  }
}

/** The mechanisms of AUTH at this moment. */
export function offeredMechanisms(session: ClientSession, options: SmtpClientOptions): readonly SaslMechanism[] {
  if (session.channel === 'secure') return options.mechanisms.secure;
  return options.needsTls ? [] : options.mechanisms.plain;
}
