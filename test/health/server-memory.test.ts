import { expect, test } from 'vitest';
import { createServerMemory } from '../../src/health/server-memory.js';

test('a failure is remembered for ten seconds, or until somebody reaches the server', () => {
  let nowMs = 0;
  const memory = createServerMemory(() => nowMs);
  memory.noteFailure('MBX1');
  memory.noteFailure('MBX2');
  memory.noteSuccess('mbx2');
  nowMs = 9999;
  expect([memory.isFailing('mbx1'), memory.isFailing('MBX2')]).toStrictEqual([true, false]);
  nowMs = 10_000;
  expect(memory.isFailing('MBX1')).toBe(false);
});

test('of very many servers those that failed last are remembered', () => {
  const memory = createServerMemory(() => 0);
  for (let n = 0; n < 30_000; n++) memory.noteFailure(`192.0.2.${n} 25`);
  const remembered = Array.from({ length: 30_000 }, (_, n) => memory.isFailing(`192.0.2.${n} 25`));
  expect(remembered.filter(Boolean)).toHaveLength(10_000);
  expect(remembered.slice(-10_000).every(Boolean)).toBe(true);
});
