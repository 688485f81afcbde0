import { Buffer } from 'node:buffer';
import { array, assert as check, integer, property, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ReceivedResponse, ResponseReader, readResponse } from '../../../src/protocols/sip/read-response.js';
import { sipLimits } from '../../../src/protocols/sip/sip-limits.js';
import { inviteText } from './sip-text.js';

const fields = 'Via: SIP/2.0/TCP cas1:1;branch=z9hG4bKb\r\nFrom: <sip:a>;tag=t\r\nTo: <sip:b>;tag=u\r\n';
const responseText = (code: number, callId = 'c1', body = '', length: number | null = body.length): string =>
  `SIP/2.0 ${code} Whatever\r\n${fields}Call-ID: ${callId}\r\nCSeq: 1 OPTIONS\r\n` +
  `${length === null ? '' : `Content-Length: ${length}\r\n`}\r\n${body}`;
const read = (text: string): ReceivedResponse | null => readResponse(Buffer.from(text, 'latin1'));

/** What a stream comes to in these chunks: codes and Call-IDs, then how it ends. */
function readStream(chunks: readonly Buffer[]): string[] {
  const reader = new ResponseReader();
  const seen: string[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let step = reader.next(); step.kind !== 'more'; step = reader.next()) {
      if (step.kind === 'broken') return [...seen, step.reason];
      seen.push(`${step.response.code} ${step.response.callId}`);
    }
  }
  return seen;
}
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('the response in a datagram', () => {
  test.each([100, 200, 404, 503, 603])('%i is read with what it answers', (code) => {
    const response = { code, callId: 'c1', cseq: { number: 1, method: 'OPTIONS' } };
    expect(read(responseText(code))).toEqual(response);
    expect(read(`\r\n\r\n${responseText(code, 'c1', 'v=0\r\n')}`)).toEqual(response);
  });

  test('is read whatever else is wrong with it', () => {
    expect(read('SIP/2.0 200 OK\r\ni: c1\r\nCSeq: 1 OPTIONS\r\nContact: <<\r\n\r\n')).toMatchObject({ code: 200 });
  });

  test.each([
    ['a request', inviteText()],
    ['nothing', ''],
    ['empty lines', '\r\n\r\n\r\n'],
    ['no SIP', 'HTTP/1.1 200 OK\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\n\r\n'],
    ['one without Call-ID', 'SIP/2.0 200 OK\r\nCSeq: 1 OPTIONS\r\n\r\n'],
    ['one without CSeq', 'SIP/2.0 200 OK\r\nCall-ID: c1\r\n\r\n'],
    ['one that is too long', responseText(200, 'c'.repeat(sipLimits.headBytesMax))],
  ])('is not %s', (_, text) => {
    expect(read(text)).toBeNull();
  });
});

describe('the responses in a stream', () => {
  const text =
    `\r\n\r\n${responseText(100)}${inviteText({}, 'v=0\r\n')}${responseText(200, 'c2', 'v=0\r\n\r\n')}\r\n` +
    responseText(404, 'c3');

  test('are found between requests and bodies, in whatever chunks they come', () => {
    check(
      property(array(integer({ min: 1, max: text.length - 1 }), { maxLength: 40 }), (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        const chunks = places.slice(1).map((end, index) => latin1(text.slice(places[index], end)));
        expect(readStream(chunks)).toEqual(['100 c1', '200 c2', '404 c3']);
      }),
    );
  });

  test('end with one that does not say how long it is', () => {
    expect(readStream([latin1(responseText(200, 'c1', 'v=0', null))])).toEqual(['200 c1', 'Content-Length is missing']);
  });

  test('end where it is no SIP, or too much of a header', () => {
    expect(readStream([latin1('HTTP/1.1 400 Bad Request\r\n\r\n')])).toEqual(['no SIP']);
    const endless = Array.from({ length: 100 }, () => latin1('a'.repeat(1000)));
    expect(readStream(endless)).toEqual(['the header is too large']);
  });

  test('never throw, whatever comes', () => {
    check(
      property(array(uint8Array({ maxLength: 200 }), { maxLength: 20 }), (chunks) => {
        expect(Array.isArray(readStream(chunks.map((chunk) => Buffer.from(chunk))))).toBe(true);
      }),
    );
  });
});
