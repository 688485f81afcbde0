import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DatagramDoor } from '../../../src/net/open-datagram-door.js';
import { readSipMessage } from '../../../src/protocols/sip/read-message.js';
import type { SipReading } from '../../../src/protocols/sip/sip-message.js';
import { responseGrowthBytesMax } from '../../../src/protocols/sip/write-response.js';
import { mutatedMessages } from '../../protocols/sip/mutated-messages.js';
import { type CallStage, openCallStage } from './call-stage.js';
import { requestText } from './sip-client.js';

/** A way back that only counts. */
function countingDoor(): { door: DatagramDoor; sent: Buffer[] } {
  const sent: Buffer[] = [];
  const send = (bytes: Buffer): boolean => sent.push(bytes) > 0;
  return { door: { address: { host: '127.0.0.1', port: 5060 }, send, close: () => undefined }, sent };
}

function ask(stage: CallStage, bytes: Buffer, address: string): Buffer[] {
  const { door, sent } = countingDoor();
  stage.door.receive('SIPU', bytes, { address, port: 5060 }, door);
  return sent;
}

const isRequest = (reading: SipReading): boolean => reading.kind === 'request' || reading.kind === 'refused';

const manyTags = Array.from({ length: 2300 }, (_, number) => number.toString(36))
  .join(',')
  .slice(0, 8000);

/** Requests with long values where answers repeat or name them. */
const longRequests = fc
  .record({
    method: fc.constantFrom('INVITE', 'INVITE', 'OPTIONS', 'BYE', 'REGISTER', 'X'),
    user: fc.oneof(
      fc.constantFrom('5000', '5101', '5102', '6000'),
      fc.string({ unit: fc.constantFrom('&', '=', '%41', '+', '$', 'a', '/', '%C3%A9', '%e2%82%ac'), maxLength: 290 }),
    ),
    require: fc.option(
      fc.oneof(fc.constant(manyTags), fc.string({ unit: fc.constantFrom('a', ',', ' ', 'b'), maxLength: 2000 })),
      { nil: undefined },
    ),
    vias: fc.nat(69),
    diversion: fc.constantFrom('5101', '5999', 'x'.repeat(3000)),
  })
  .map(({ method, user, require, vias, diversion }) => {
    const fields: Record<string, string> = { Diversion: `<sip:${diversion}@pbx>` };
    if (require !== undefined) fields['Require'] = require;
    const via = Array.from({ length: vias }, (_, at) => `,SIP/2.0/UDP h${at};branch=z9hG4bK${at}`).join('');
    return requestText(method, fields, { uri: `sip:${user}@cas1` }).replace(';rport', `;rport${via}`);
  });

test('whatever is sent, each answer is hardly longer, and there are two at most', async () => {
  const stage = await openCallStage();
  const messages = fc.oneof(longRequests, mutatedMessages).map((text) => Buffer.from(text, 'latin1'));
  const from = fc.constantFrom('127.0.0.1', '127.0.0.9');
  fc.assert(
    fc.property(messages, from, (bytes, address) => {
      const sent = ask(stage, bytes, address);
      expect(sent.length).toBeLessThanOrEqual(isRequest(readSipMessage(bytes)) ? 2 : 0);
      for (const answer of sent) expect(answer.length).toBeLessThanOrEqual(bytes.length + responseGrowthBytesMax);
    }),
    { numRuns: 1500 },
  );
  expect(stage.lines.filter(({ level }) => level === 'error')).toStrictEqual([]);
});

test('any bytes at all come to an answer or to none, and to no fault', async () => {
  const stage = await openCallStage();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      expect(ask(stage, Buffer.from(bytes), '127.0.0.1')).toStrictEqual([]);
    }),
    { numRuns: 300 },
  );
  expect(stage.lines).toStrictEqual([]);
});
