import type { TrackingRecord } from '../../src/observability/tracking.js';

/** A tracked message: accepted for one recipient, refused for another. */
export const trackingRecord = (changes: Partial<TrackingRecord> = {}): TrackingRecord => ({
  at: '2026-11-22T09:59:58.123Z',
  frontEnd: 'FE1',
  session: 'S1',
  connector: 'Default',
  client: '203.0.113.9',
  clientPort: 40_000,
  helo: 'mx.fabrikam.com',
  tls: 'TLSv1.3',
  user: null,
  from: 'kim@fabrikam.com',
  recipients: [
    { address: 'ann@contoso.com', verdict: 'accept', reply: '250 2.1.5 ok' },
    { address: 'nobody@contoso.com', verdict: 'reject', reply: '550 5.1.1 User unknown' },
  ],
  messageId: '<1@fabrikam.com>',
  transaction: '0123',
  filters: [{ agent: 'sender-filtering', event: 'mail', verdict: 'stamp', why: 'a blocked domain' }],
  decision: { outcome: 'proxy', reason: 'mailbox', trace: [{ rule: 'delivery-group', detail: 'DAG1' }] },
  server: 'MBX1',
  tried: [{ server: 'MBX2', reason: 'refused' }],
  reply: '250 2.6.0 queued',
  outcome: 'accepted',
  bytes: 4096,
  durationMs: 12,
  ...changes,
});
