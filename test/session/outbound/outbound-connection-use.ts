import type { Claim } from '../../../src/session/outbound/outbound-connections.js';
import { type Negotiated, negotiate } from '../../../src/session/smtp/open-server.js';
import { ServerConnection } from '../../../src/session/smtp/server-connection.js';
import { candidate, deadlines, envelope } from '../smtp/server-request.js';

/** Of the message that is sent. */
export const body = Buffer.from('Subject: x\r\n\r\nhello\r\n.\r\n');

/** The claim; throws when there is none. */
export async function claimed(pending: Promise<Claim | null>): Promise<Claim> {
  const claim = await pending;
  if (claim === null) throw new Error('nothing came free');
  return claim;
}

/** The connection of a claim, opened if need be and in step. */
export async function connect(claim: Claim, port: number): Promise<ServerConnection> {
  const { signal } = new AbortController();
  if (claim.kind === 'idle') {
    claim.connection.attach(signal);
    return claim.connection;
  }
  const common = { heloName: 'front.example', credentials: null, xclient: null, proxy: null, connectTimeoutMs: 2000 };
  try {
    const connection = await ServerConnection.open({ ...candidate(port), ...common, signal });
    claim.opened(connection);
    const { kind } = await connection.next(2000);
    if (kind === 'ready') return connection;
    connection.drop();
    throw new Error(`the server came to "${kind}"`);
  } finally {
    claim.failed();
  }
}

export interface Use {
  readonly connection: ServerConnection;
  readonly outcome: Negotiated;
}

/** Begins a message. */
export async function use(claim: Claim, port: number): Promise<Use> {
  const connection = await connect(claim, port);
  return { connection, outcome: await negotiate(connection, { envelope, until: 'data', deadlines }, claim.afterwards) };
}
