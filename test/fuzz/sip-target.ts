import { Buffer } from 'node:buffer';
import { whoDiverted } from '../../src/protocols/sip/addresses.js';
import { MessageSplitter } from '../../src/protocols/sip/message-splitter.js';
import { readSipMessage } from '../../src/protocols/sip/read-message.js';
import { readResponse } from '../../src/protocols/sip/read-response.js';
import { sipLimits } from '../../src/protocols/sip/sip-limits.js';
import type { SipReading, SipRequest } from '../../src/protocols/sip/sip-message.js';
import { transactionKey } from '../../src/protocols/sip/transaction-key.js';
import { responseGrowthBytesMax, writeResponse } from '../../src/protocols/sip/write-response.js';
import { tortureMessage, tortureNames } from '../protocols/sip/torture-message.js';
import { type FuzzTarget, promise } from './fuzz-target.js';
import type { Random } from './random.js';

const words = [
  'Via: SIP/2.0/UDP a;branch=z9hG4bK',
  ';tag=',
  'Content-Length: 3\r\n',
  'l:0\r\n',
  '<sip:',
  '>',
  ',',
  ' SIP/2.0\r\n',
];
const origin = { received: '192.0.2.7', rport: 5060, toTag: 'ours' };

/** As a stream and as one datagram: neither depends on how it came, and what is answered can be read. */
function play(chunks: readonly Buffer[], random: Random, seen: (step: string) => void): void {
  const whole = Buffer.concat(chunks);
  const inPieces = split(chunks, seen);
  promise(JSON.stringify(inPieces) === JSON.stringify(split([whole], seen)), 'the same messages however it is cut');
  const reading = readSipMessage(whole);
  seen(`datagram ${reading.kind}`);
  answer(reading, random);
}

function split(chunks: readonly Buffer[], seen: (step: string) => void): readonly unknown[] {
  const splitter = new MessageSplitter();
  const messages: unknown[] = [];
  for (const chunk of chunks) {
    splitter.push(chunk);
    for (let step = splitter.next(); step.kind !== 'more'; step = splitter.next()) {
      seen(step.kind);
      messages.push(step.kind === 'ping' ? 'ping' : [step.kind, shown(step.reading)]);
      if (step.kind === 'broken') return messages;
    }
    promise(splitter.heldBytes <= sipLimits.headBytesMax, `${splitter.heldBytes} bytes held`);
  }
  return messages;
}

const shown = (reading: SipReading): unknown =>
  'request' in reading ? [reading.kind, reading.request.method, reading.request.fields] : reading;

function answer(reading: SipReading, random: Random): void {
  if (reading.kind !== 'request' && reading.kind !== 'refused') return;
  const { request } = reading;
  promise(transactionKey(request).length <= 200, 'a key of a transaction is short');
  whoDiverted(request);
  const code = random.pick([100, 200, 302, 403]);
  const bytes = writeResponse(request, { code, reason: 'Why', fields: [] }, origin);
  promise(
    bytes.length <= request.totalBytes + responseGrowthBytesMax,
    `${bytes.length} bytes for ${request.totalBytes}`,
  );
  if (reading.kind === 'request') promise(readResponse(bytes)?.code === code, 'what is answered is a response');
  const text = bytes.toString('latin1');
  promise(text.indexOf('\r\n\r\n') === text.length - 4, 'it ends where its fields end');
  promise(text.split('\r\n').length <= fieldsOf(request) + 8, 'and has no field that nobody wrote');
}

const fieldsOf = ({ vias }: SipRequest): number => vias.length;

/** SIP messages of strangers. */
export const sipTarget: FuzzTarget = {
  name: 'sip message',
  group: 'sip',
  corpus: tortureNames().map((name) =>
    tortureMessage(name)
      .toString('latin1')
      .split(/(?<=\r\n)/)
      .map((line) => Buffer.from(line, 'latin1')),
  ),
  words,
  steps: ['message', 'broken', 'ping', 'datagram request', 'datagram refused', 'datagram response', 'datagram garbage'],
  play,
};
