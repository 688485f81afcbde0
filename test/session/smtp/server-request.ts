import type { EnvelopeRecipient } from '../../../src/protocols/smtp/envelope.js';
import type { Candidate, ServerRequest } from '../../../src/session/smtp/open-server.js';
import { createServerPool } from '../../../src/session/smtp/server-pool.js';
import { defaultDeadlines } from '../../../src/session/smtp/server-transaction.js';
import { type Endpoint, endpointDefaults } from '../../../src/topology/endpoints.js';

export const client = {
  address: '192.0.2.7',
  port: 40_000,
  localAddress: '192.0.2.1',
  localPort: 25,
  helo: 'pc.example',
  protocol: 'ESMTP',
  user: null,
} as const;

export const deadlines = {
  ...defaultDeadlines,
  connectTimeoutMs: 2000,
  replyTimeoutMs: 2000,
  finalReplyTimeoutMs: 2000,
};

/** Recipients of contoso.com by name, without DSN. */
export const to = (...names: string[]): EnvelopeRecipient[] =>
  names.map((name) => ({ address: `${name}@contoso.com`, notify: null, orcpt: null }));

export const envelope = {
  from: 'eve@fabrikam.com',
  to: to('ann'),
  body8bit: false,
  smtputf8: false,
  ret: null,
  envid: null,
} as const;

/** A server on loopback, named by its port. */
export function candidate(port: number, endpoint: Partial<Endpoint> = {}): Candidate {
  return {
    server: `MBX${port}`,
    host: '127.0.0.1',
    endpoint: { ...endpointDefaults.smtp, tls: 'none', ...endpoint, port },
  };
}

export function request(change: Partial<ServerRequest> = {}): ServerRequest {
  return {
    envelope,
    until: 'data',
    heloName: 'front.example',
    client,
    deadlines,
    signal: new AbortController().signal,
    pool: createServerPool(),
    ...change,
  };
}
