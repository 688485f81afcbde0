import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createCounters } from '../../src/observability/counters.js';

it('counts events by name and labels, in whatever order the labels come', () => {
  const counters = createCounters();
  counters.count('verdicts', { agent: 'a', verdict: 'block' });
  counters.count('connections');
  counters.count('verdicts', { verdict: 'block', agent: 'a' });
  counters.count('verdicts', { agent: 'b', verdict: 'block' });
  expect(counters.snapshot()).toEqual({
    series: [
      { name: 'verdicts', labels: { agent: 'a', verdict: 'block' }, value: 2 },
      { name: 'connections', labels: {}, value: 1 },
      { name: 'verdicts', labels: { agent: 'b', verdict: 'block' }, value: 1 },
    ],
    leftOut: 0,
  });
});

it('never takes two series for one', () => {
  const labels = fc.dictionary(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 }), {
    maxKeys: 3,
    noNullPrototype: true,
  });
  const event = fc.record({ name: fc.string({ maxLength: 4 }), labels }, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.uniqueArray(event, { comparator: isDeepStrictEqual }), (events) => {
      const counters = createCounters();
      for (const { name, labels } of events) counters.count(name, labels);
      expect(counters.snapshot().series.map(({ value }) => value)).toEqual(events.map(() => 1));
    }),
  );
});

it('stays within its bounds and says what it left out', () => {
  const counters = createCounters(100);
  for (let n = 0; n < 150; n += 1) counters.count('helo', { name: `${n}` });
  counters.count('helo', { name: '7' });
  const { series, leftOut } = counters.snapshot();
  expect([series.length, leftOut, series[7]?.value]).toEqual([100, 50, 2]);
  const long = createCounters();
  long.count('n'.repeat(5000), { label: 'x'.repeat(5000) });
  const [one] = long.snapshot().series;
  expect([one?.name.length, one?.labels['label']?.length]).toEqual([200, 200]);
});

it('gives a snapshot that later events leave alone', () => {
  const counters = createCounters();
  counters.count('a');
  const before = counters.snapshot();
  counters.count('a');
  expect(before.series[0]?.value).toBe(1);
});
