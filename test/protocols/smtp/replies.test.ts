import { expect, test } from 'vitest';
import { describeReply, formatReply, kindOfReply } from '../../../src/protocols/smtp/replies.js';

test.each([
  [{ code: 250, enhanced: '2.0.0', text: 'ok' }, '250 2.0.0 ok\r\n', '250 2.0.0 ok'],
  [{ code: 250, enhanced: null, text: '' }, '250 \r\n', '250'],
  [{ code: 550, enhanced: '5.1.1', text: 'one\ntwo' }, '550-5.1.1 one\r\n550 5.1.1 two\r\n', '550 5.1.1 one two'],
  [{ code: 550, enhanced: null, text: 'a\r250 b' }, '550 a?250 b\r\n', '550 a?250 b'],
])('%j is written and told', (reply, wire, line) => {
  expect(formatReply(reply)).toBe(wire);
  expect(describeReply(reply)).toBe(line);
});

test.each([
  [250, 'done'],
  [354, 'go-on'],
  [421, 'temporary'],
  [550, 'permanent'],
])('%i is %s', (code, kind) => {
  expect(kindOfReply({ code, enhanced: null, text: '' })).toBe(kind);
});
