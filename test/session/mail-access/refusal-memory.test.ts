import { expect, test } from 'vitest';
import { RefusalMemory } from '../../../src/session/mail-access/refusal-memory.js';

const minuteMs = 60_000;

test('refusals of an address add up, and are forgotten ten minutes after the last', () => {
  let nowMs = 0;
  const memory = new RefusalMemory(() => nowMs);
  expect([memory.refused('192.0.2.1'), memory.refused('192.0.2.1'), memory.refused('192.0.2.2')]).toEqual([1, 2, 1]);
  nowMs = 9 * minuteMs;
  expect(memory.refused('192.0.2.1')).toBe(3);
  nowMs = 19 * minuteMs;
  expect(memory.refused('192.0.2.1')).toBe(1);
  expect(memory.size).toBe(1);
});

test('a success makes up for half of them', () => {
  const memory = new RefusalMemory(() => 0);
  for (let count = 0; count < 5; count += 1) memory.refused('192.0.2.1');
  memory.accepted('192.0.2.1');
  expect(memory.refused('192.0.2.1')).toBe(3);
  memory.accepted('192.0.2.1');
  memory.accepted('192.0.2.1');
  memory.accepted('192.0.2.9');
  expect(memory.size).toBe(0);
});

test('a network of 64 bits is one', () => {
  const memory = new RefusalMemory(() => 0);
  const addresses = ['2001:db8::1', '2001:db8:0:0:ffff::2', '2001:db8:0:1::1', '::ffff:192.0.2.1', '192.0.2.1'];
  expect(addresses.map((address) => memory.refused(address))).toEqual([1, 2, 1, 1, 1]);
});

test('no more addresses are kept than told to; the oldest go first', () => {
  const memory = new RefusalMemory(() => 0, 100);
  for (let index = 0; index < 1000; index += 1) memory.refused(`address ${index}`);
  expect(memory.size).toBe(100);
  expect([memory.refused('address 0'), memory.refused('address 999')]).toEqual([1, 2]);
});
