import { expect, test } from 'vitest';
import { MessageHead } from '../../../src/protocols/smtp/message-head.js';

const headOf = (count: number): Buffer => Buffer.from(`${'a:\r\n'.repeat(count)}\r\nbody`);

test.each([
  [2000, 'head'],
  [2001, 'too-large'],
  [60_000, 'too-large'],
])('a header of %i fields is %s, however it comes', (count, kind) => {
  const bytes = headOf(count);
  expect(new MessageHead({ sizeMax: 256 * 1024 }).push(bytes).kind).toBe(kind);
  const slowly = new MessageHead({ sizeMax: 256 * 1024 });
  const kinds = new Set<string>();
  for (let at = 0; at < bytes.length && !kinds.has('head') && !kinds.has('too-large'); at += 3) {
    kinds.add(slowly.push(bytes.subarray(at, at + 3)).kind);
  }
  expect([...kinds]).toEqual(['more', kind]);
});
