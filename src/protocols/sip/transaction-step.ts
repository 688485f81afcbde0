import type { Buffer } from 'node:buffer';

/** G repeats a final response to INVITE; H, I and J end a transaction. */
export type TransactionTimer = 'G' | 'H' | 'I' | 'J';

/** Reliable: TCP and TLS, which lose and repeat nothing. */
export type TransactionTransport = 'reliable' | 'unreliable';

/** What can happen to a server transaction. */
export type TransactionEvent =
  /** The request came once more. */
  | { readonly kind: 'request' }
  | { readonly kind: 'ack' }
  /** A response of ours: 1xx. */
  | { readonly kind: 'provisional'; readonly bytes: Buffer }
  /** A response of ours: anything else; to an INVITE no 2xx (RFC 6026 §7.1 has a state of its own for these). */
  | { readonly kind: 'final'; readonly bytes: Buffer }
  | { readonly kind: 'timer'; readonly timer: TransactionTimer }
  /** A response could not be sent. */
  | { readonly kind: 'transport-error' };

/**
 * What the driver does, in this order: a response goes out when its timers run, however soon it is acknowledged. A
 * transaction that is terminated has no timers left: they need no `stop`.
 */
export type TransactionStep =
  | { readonly kind: 'send'; readonly bytes: Buffer }
  /** Always more than 0; a timer that runs already begins anew. */
  | { readonly kind: 'start'; readonly timer: TransactionTimer; readonly afterMs: number }
  | { readonly kind: 'stop'; readonly timer: TransactionTimer }
  /** The client never said that it has the final response. */
  | { readonly kind: 'unacknowledged' }
  /** What was to be sent was not. */
  | { readonly kind: 'unsent' };

/** Where the transaction stands after an event, and what is to be done. */
export interface TransactionResult<State> {
  readonly state: State;
  readonly steps: readonly TransactionStep[];
}
