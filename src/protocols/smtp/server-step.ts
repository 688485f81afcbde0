import type { ServerCapabilities } from './capabilities.js';
import type { SmtpReply } from './replies.js';

/** Where in the dialogue something failed; `idle` is between transactions and between a driver's calls. */
export type ServerStage =
  | 'greeting'
  | 'ehlo'
  | 'starttls'
  | 'xclient'
  | 'auth'
  | 'idle'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'body'
  | 'rset';

/** A recipient and what the server said to it (or we, for an address that cannot be written to a server). */
export interface RecipientReply {
  readonly address: string;
  readonly reply: SmtpReply;
}

/**
 * Something did not come about. `permanent` is true when the same attempt will fail again; `reply` is the server's, if
 * it was one. `usable`: another transaction may follow (after `abortTransaction()`); `spent`: nothing but `quit()`
 * or closing the connection is left.
 */
export interface ServerFailure {
  readonly kind: 'failed';
  readonly stage: ServerStage;
  readonly permanent: boolean;
  readonly reply: SmtpReply | null;
  readonly reason: string;
  readonly connection: 'usable' | 'spent';
}

/** What the driver is to do next, besides writing the output. */
export type ServerStep =
  /** Read on. */
  | { readonly kind: 'wait' }
  /** Make the socket a TLS one, then call `tlsStarted()`. */
  | { readonly kind: 'start-tls' }
  /** Call `startTransaction()` or `quit()`. */
  | { readonly kind: 'ready'; readonly capabilities: ServerCapabilities }
  /**
   * Nothing was written; `message`: no server can be sent this envelope, `server`: another one may be. `reply` is ours.
   * Call `startTransaction()` with another one or `quit()`.
   */
  | { readonly kind: 'unsendable'; readonly scope: 'message' | 'server'; readonly reply: SmtpReply }
  /**
   * Call `addRecipients()`, `startData()` or `abortTransaction()`; with nobody accepted not `startData()`. `replies`
   * has one reply for each recipient that was given, in order; `refused` those that say no. `spent`: DATA went along
   * and the server waits for a message that must not come; close the connection.
   */
  | {
      readonly kind: 'recipients';
      readonly replies: readonly RecipientReply[];
      readonly refused: readonly RecipientReply[];
      readonly connection: 'usable' | 'spent';
    }
  /** Write the message through a BodyEncoder, its end too, then call `bodySent()`. */
  | { readonly kind: 'send-body' }
  /** The server has taken the message. */
  | { readonly kind: 'finished'; readonly reply: SmtpReply }
  /** Close the connection. */
  | { readonly kind: 'closed' }
  | ServerFailure;

/** Bytes to write to the server, maybe none, and what to do then. */
export interface ServerTurn {
  readonly output: Buffer;
  readonly step: ServerStep;
}
