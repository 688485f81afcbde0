import { expect, test } from 'vitest';
import { type IdleEntry, IdleWheel } from '../../src/net/idle-wheel.js';
import { until } from '../support/until.js';

class Entry implements IdleEntry {
  idlePlace = 0;
  idleAtMs: number | null = null;
  idleEndAtMs: number;

  constructor(inMs: number) {
    this.idleEndAtMs = performance.now() + inMs;
  }

  idle(): void {
    this.idleAtMs = performance.now();
  }
}

test('each entry ends after its own time, and not before', async () => {
  const wheel = new IdleWheel();
  const entries = [30, 90, 31, 150].map((inMs) => new Entry(inMs));
  for (const entry of entries) wheel.watch(entry);
  expect(wheel.size).toBe(4);
  await until('all to end', () => entries.every(({ idleAtMs }) => idleAtMs !== null));
  const late = entries.map(({ idleAtMs, idleEndAtMs }) => (idleAtMs ?? 0) - idleEndAtMs);
  expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...late)).toBeLessThan(100);
  expect(wheel.size).toBe(0);
});

test('a sign of life puts the end off without a word to the wheel', async () => {
  const wheel = new IdleWheel();
  const entry = new Entry(60);
  wheel.watch(entry);
  entry.idleEndAtMs += 120;
  await new Promise((resolve) => setTimeout(resolve, 110));
  expect(entry.idleAtMs).toBeNull();
  await until('the end', () => entry.idleAtMs !== null);
  expect(entry.idleAtMs).toBeGreaterThanOrEqual(entry.idleEndAtMs);
});

test('what is forgotten does not end, near or far', async () => {
  const wheel = new IdleWheel();
  const [near, far] = [new Entry(20), new Entry(30 * 60_000)];
  wheel.watch(near);
  wheel.watch(far);
  wheel.forget(near);
  wheel.forget(far);
  expect(wheel.size).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 80));
  expect([near.idleAtMs, far.idleAtMs]).toEqual([null, null]);
});
