import type { ServerCapabilities } from './capabilities.js';
import type { SmtpReply } from './replies.js';

/** Where in the dialogue something failed; `idle` is between transactions and between a driver's calls. */
export type ServerStage =
  | 'greeting'
  | 'ehlo'
  | 'starttls'
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
  /** Call `startData()` or `abortTransaction()`; with nobody accepted only the latter. */
  | {
      readonly kind: 'recipients';
      readonly accepted: readonly RecipientReply[];
      readonly refused: readonly RecipientReply[];
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
