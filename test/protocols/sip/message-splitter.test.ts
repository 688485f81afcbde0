import { assert as check, constantFrom, property, shuffledSubarray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MessageSplitter } from '../../../src/protocols/sip/message-splitter.js';
import { sipLimits } from '../../../src/protocols/sip/sip-limits.js';
import { cut, cuts } from '../http/cut.js';
import { inviteText } from './sip-text.js';
import { tortureMessage, tortureNames } from './torture-message.js';

/** What a splitter says of a stream, up to the first `broken`, and the most it held. */
function play(chunks: readonly Buffer[]): { steps: string[]; heldBytesMax: number } {
  const splitter = new MessageSplitter();
  const steps: string[] = [];
  let heldBytesMax = 0;
  for (const chunk of chunks) {
    splitter.push(chunk);
    for (let step = splitter.next(); step.kind !== 'more'; step = splitter.next()) {
      steps.push(JSON.stringify(step));
      if (step.kind === 'broken') return { steps, heldBytesMax };
    }
    heldBytesMax = Math.max(heldBytesMax, splitter.heldBytes);
  }
  return { steps, heldBytesMax };
}

const kindsOf = (text: string) =>
  play([Buffer.from(text, 'latin1')]).steps.map((step) => /"kind":"(\w+)"/.exec(step)?.[1]);

describe('a stream of messages', () => {
  test('one after another, with bodies', () => {
    expect(kindsOf(inviteText({}, 'v=0\r\n\r\n') + inviteText() + inviteText({}, 'x'))).toEqual([
      'message',
      'message',
      'message',
    ]);
  });

  test('two empty lines are a ping, one is nothing', () => {
    expect(kindsOf('\r\n\r\n')).toEqual(['ping']);
    expect(kindsOf(`\r\n${inviteText()}\r\n${inviteText()}\r\n\r\n\r\n\r\n`)).toEqual([
      'message',
      'message',
      'ping',
      'ping',
    ]);
  });

  test('a message is given when its body is there, and not kept until then', () => {
    const splitter = new MessageSplitter();
    const text = inviteText({}, 'b'.repeat(40_000));
    splitter.push(Buffer.from(text.slice(0, 20_000), 'latin1'));
    expect(splitter.next().kind).toBe('more');
    expect([splitter.heldBytes, splitter.hasBegun]).toEqual([0, true]);
    splitter.push(Buffer.from(text.slice(20_000), 'latin1'));
    expect(splitter.next()).toMatchObject({ kind: 'message', reading: { request: { totalBytes: text.length } } });
    expect(splitter.hasBegun).toBe(false);
  });

  test('a refused request does not end the stream', () => {
    expect(kindsOf(inviteText({ To: '<' }) + inviteText())).toEqual(['message', 'message']);
  });

  test.each<[string, string, object]>([
    ['no Content-Length', inviteText({ 'Content-Length': null }), { kind: 'refused', code: 400 }],
    ['a body that is too large', inviteText({ 'Content-Length': '49153' }), { kind: 'refused', code: 513 }],
    ['an endless length', inviteText({ 'Content-Length': '9'.repeat(400) }), { kind: 'refused', code: 513 }],
    ['a malformed length', inviteText({ 'Content-Length': '1,1' }), { kind: 'refused', code: 400 }],
    ['another protocol', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', { kind: 'garbage' }],
    ['a CR alone', '\rINVITE', { kind: 'garbage' }],
    ['a header that is too large', `INVITE ${'a'.repeat(sipLimits.headBytesMax)}`, { kind: 'garbage' }],
  ])('ends with %s', (_, text, reading) => {
    const splitter = new MessageSplitter();
    splitter.push(Buffer.from(text + inviteText(), 'latin1'));
    expect(splitter.next()).toMatchObject({ kind: 'broken', reading });
    expect(splitter.next()).toMatchObject({ kind: 'broken', reading });
    expect(splitter.heldBytes).toBe(0);
  });

  test('a body of the largest size passes', () => {
    expect(kindsOf(inviteText({}, 'b'.repeat(sipLimits.bodyBytesMax)))).toEqual(['message']);
  });

  test('any cuts give the same', () => {
    const parts = [...tortureNames().map((name) => tortureMessage(name).toString('latin1')), '\r\n', '\r\n\r\n', '\r'];
    check(
      property(
        shuffledSubarray(parts, { maxLength: 6 }),
        constantFrom('', inviteText()),
        cuts,
        (some, first, lengths) => {
          const stream = Buffer.from(first + some.join(''), 'latin1');
          const whole = play([stream]);
          expect(play(cut(stream, lengths)).steps).toEqual(whole.steps);
          const byBytes = play(cut(stream, []));
          expect(byBytes.steps).toEqual(whole.steps);
          expect(byBytes.heldBytesMax).toBeLessThan(sipLimits.headBytesMax);
        },
      ),
      { numRuns: 60 },
    );
  });
});
