import type { CallRecord } from '../../src/observability/call-record.js';

/** A call that an extension diverted, redirected to the server of its mailbox. */
export const callRecord = (changes: Partial<CallRecord> = {}): CallRecord => ({
  at: '2026-11-22T09:59:58.123Z',
  frontEnd: 'FE1',
  listener: 'SIP',
  transport: 'tcp',
  client: '10.9.9.9',
  clientPort: 40_000,
  callId: 'a84b4c76e66710@gw.contoso.com',
  from: 'sip:+15550100@gw.contoso.com',
  to: 'sip:5000@fe1.contoso.com',
  requestUri: 'sip:5000@fe1.contoso.com;transport=tcp',
  diversion: 'sip:5101@gw.contoso.com',
  status: 302,
  reason: 'callee',
  trace: [{ rule: 'call/callee', detail: '5101 is ann@contoso.com in DB1, active on MBX1' }],
  server: 'MBX1',
  contact: 'sip:5000@mbx1.contoso.com:5062;transport=tcp',
  durationMs: 1,
  ...changes,
});
