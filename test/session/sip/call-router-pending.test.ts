import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { readSipMessage } from '../../../src/protocols/sip/read-message.js';
import type { SipReading, SipRequest } from '../../../src/protocols/sip/sip-message.js';
import { allUp } from '../../../src/routing/availability.js';
import { createSessionRegistry } from '../../../src/session/session-registry.js';
import { CallRouter } from '../../../src/session/sip/call-router.js';
import type { CallServices, SipPeer } from '../../../src/session/sip/call-services.js';
import { createStrangerLimit } from '../../../src/session/sip/stranger-limit.js';
import { Transactions } from '../../../src/session/sip/transactions.js';
import { topologyOf } from '../../support/topology-of.js';
import { afterwards, directory, usualEstate } from './call-stage.js';
import { following, requestText } from './sip-client.js';

const peer: SipPeer = { address: '127.0.0.1', port: 5060, transport: 'udp', certificateNames: [], listener: 'SIPU' };
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

function parts(max?: number): { router: CallRouter; transactions: Transactions; calls: () => number } {
  const topology = topologyOf(usualEstate);
  const frontEnd = topology.server('CAS1');
  if (frontEnd === undefined) throw new Error('no front end');
  const snapshot = () => ({ topology, directory, frontEnd });
  let calls = 0;
  const services: CallServices = {
    snapshot,
    freshSnapshot: snapshot,
    availability: allUp,
    isHeld: () => false,
    rotate: (targets) => targets,
    serverCapabilities: () => null,
    sessions: createSessionRegistry(),
    log,
    secureContext: () => {
      throw new Error('no TLS');
    },
    recordCall: () => (calls += 1),
    count: () => undefined,
  };
  const transactions = new Transactions({ secret: 'random of this process', ...(max === undefined ? {} : { max }) });
  afterwards(() => transactions.close());
  const strangers = createStrangerLimit({ nowMs: Date.now });
  return {
    router: new CallRouter({ services, transactions, strangers, nowMs: Date.now }),
    transactions,
    calls: () => calls,
  };
}

const read = (text: string): SipReading => readSipMessage(Buffer.from(text, 'latin1'));

function requestOf(text: string): SipRequest {
  const reading = read(text);
  if (reading.kind !== 'request') throw new Error(reading.kind);
  return reading.request;
}

test('a CANCEL of an INVITE without an answer: 200 to it, 487 to the INVITE', () => {
  const { router, transactions } = parts();
  const sent: string[] = [];
  const path = { reliable: false, send: (bytes: Buffer) => sent.push(bytes.toString('latin1')) > 0 };
  const invite = requestText('INVITE');
  expect(transactions.receive(requestOf(invite), path).kind).toBe('new');
  router.receive(read(following('CANCEL', invite)), peer, path);
  const [cancelled = '', terminated = ''] = sent;
  expect(cancelled).toMatch(/^SIP\/2\.0 200 OK\r\n[^]*^CSeq: 1 CANCEL\r\n/m);
  expect(terminated).toMatch(/^SIP\/2\.0 487 Request Terminated\r\n[^]*^CSeq: 1 INVITE\r\n/m);
  expect(/^To: .*$/m.exec(terminated)).toStrictEqual(expect.objectContaining({ 0: /^To: .*$/m.exec(cancelled)?.[0] }));
  router.receive(read(following('ACK', invite, /^To: (.*)\r$/m.exec(terminated)?.[1])), peer, path);
  router.receive(read(invite), peer, path);
  expect(sent).toHaveLength(2);
});

test('without room to remember a call it is redirected without 100, and its copies to the same server', () => {
  const { router, transactions, calls } = parts(1);
  const sent: string[] = [];
  const path = { reliable: false, send: (bytes: Buffer) => sent.push(bytes.toString('latin1')) > 0 };
  transactions.receive(requestOf(requestText('INVITE')), path);
  const invite = requestText('INVITE');
  for (const _ of Array(3)) router.receive(read(invite), peer, path);
  expect(sent.map((text) => text.slice(8, 11))).toStrictEqual(['302', '302', '302']);
  expect(new Set(sent).size).toBe(1);
  expect(calls()).toBe(3);
});
