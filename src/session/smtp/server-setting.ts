import type { ClientIdentity } from './open-server.js';
import type { TransactionDeadlines } from './server-transaction.js';

/** What goes with every question to a server on behalf of one client. */
export interface ServerSetting {
  /** Our name in EHLO. */
  readonly heloName: string;
  readonly client: ClientIdentity;
  readonly deadlines: TransactionDeadlines;
  /** Raised: whatever is awaited is given up. */
  readonly signal: AbortSignal;
}
