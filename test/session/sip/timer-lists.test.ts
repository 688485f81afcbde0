import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type TimerList, TimerLists, TimerPlace } from '../../../src/session/sip/timer-lists.js';
import { until } from '../../support/until.js';

test('each fires at its time, in the order of the times, and once', async () => {
  const lists = new TimerLists<string>(() => performance.now());
  const fired: Array<{ name: string; lateMs: number }> = [];
  const startMs = performance.now();
  const add = (afterMs: number) =>
    lists.add(afterMs, (name) => fired.push({ name, lateMs: performance.now() - startMs - afterMs }));
  const [slow, fast] = [add(120), add(40)];
  slow.start(new TimerPlace('slow'));
  fast.start(new TimerPlace('fast'));
  fast.start(new TimerPlace('fast too'));
  await until('all to fire', () => fired.length === 3);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(fired.map(({ name }) => name)).toStrictEqual(['fast', 'fast too', 'slow']);
  expect(Math.min(...fired.map(({ lateMs }) => lateMs))).toBeGreaterThanOrEqual(0);
  expect(Math.max(...fired.map(({ lateMs }) => lateMs))).toBeLessThan(200);
});

test('whoever is stopped or cleared does not fire', async () => {
  const lists = new TimerLists<string>(() => performance.now());
  const fired: string[] = [];
  const list = lists.add(20, (name) => fired.push(name));
  const places = ['a', 'b', 'c'].map((name) => new TimerPlace(name));
  for (const place of places) list.start(place);
  for (const place of places.slice(1)) list.stop(place);
  await until('the first', () => fired.length > 0);
  list.start(new TimerPlace('d'));
  lists.clear();
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(fired).toStrictEqual(['a']);
  expect(list.first).toBeNull();
});

test('it may begin to wait anew while it fires', () => {
  let nowMs = 0;
  const lists = new TimerLists<string>(() => nowMs);
  const place = new TimerPlace('again');
  let count = 0;
  const list: TimerList<string> = lists.add(100, () => {
    count += 1;
    list.start(place);
  });
  list.start(place);
  for (nowMs = 10; nowMs <= 1000; nowMs += 10) lists.fireDue();
  expect(count).toBe(10);
  lists.clear();
});

test('a list without a time span is refused', () => {
  const lists = new TimerLists<string>(() => 0);
  for (const afterMs of [0, -1, Number.NaN]) expect(() => lists.add(afterMs, () => {})).toThrow('a timer list of');
});

test('however they come and go, just those fire that wait long enough', () => {
  const action = fc.record({
    name: fc.nat(9),
    list: fc.constantFrom(0, 1, 2),
    kind: fc.constantFrom('start', 'start', 'stop', 'wait'),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      let nowMs = 0;
      const spansMs = [5, 20, 50];
      const lists = new TimerLists<number>(() => nowMs);
      const fired: string[] = [];
      const wanted: string[] = [];
      const all = spansMs.map((afterMs) => lists.add(afterMs, (name) => fired.push(`${name} at ${nowMs}`)));
      const places = Array.from({ length: 10 }, (_, name) => new TimerPlace(name));
      const due = new Map<number, number>();
      for (const { name, list, kind } of actions) {
        const place = places[name];
        if (!place) throw new Error('no place');
        if (kind === 'start') {
          all[list]?.start(place);
          due.set(name, nowMs + (spansMs[list] ?? 0));
        } else if (kind === 'stop') {
          place.list?.stop(place);
          due.delete(name);
        } else {
          nowMs += 7;
          lists.fireDue();
          for (const [name, dueAtMs] of due)
            if (dueAtMs <= nowMs && due.delete(name)) wanted.push(`${name} at ${nowMs}`);
        }
      }
      lists.clear();
      expect(fired.toSorted()).toStrictEqual(wanted.toSorted());
    }),
  );
});
