import { Buffer } from 'node:buffer';

/** One counter: its name, its labels and what it has reached. */
export interface CounterSeries {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface CountersSnapshot {
  readonly series: readonly CounterSeries[];
  /** Events that found no room for a series of their own. */
  readonly leftOut: number;
}

/** Counts events by name and labels, in bounded memory. */
export interface Counters {
  /** One more event. The order of the labels does not matter; their texts are cut at 200 characters. */
  count(name: string, labels?: Readonly<Record<string, string>>): void;
  /** All series as they are now, in the order in which they began. */
  snapshot(): CountersSnapshot;
}

const textLengthMax = 200;
const labelsMax = 10;

/** Counters that begin at nought; events of further series than `seriesMax` (10,000) are only counted as left out. */
export function createCounters(seriesMax = 10_000): Counters {
  const series = new Map<string, { name: string; labels: Record<string, string>; value: number }>();
  let leftOut = 0;
  return {
    count(name, labels = {}) {
      const names = Object.keys(labels).sort().slice(0, labelsMax);
      let key = keyPart(name);
      for (const label of names) key += keyPart(label) + keyPart(labels[label] ?? '');
      const known = series.get(key);
      if (known) known.value += 1;
      else if (series.size >= seriesMax) leftOut += 1;
      else {
        const kept = names.map((label) => [detached(bounded(label)), detached(bounded(labels[label] ?? ''))]);
        series.set(detached(key), { name: detached(bounded(name)), labels: Object.fromEntries(kept), value: 1 });
      }
    },
    snapshot() {
      return { series: Array.from(series.values(), (one) => ({ ...one, labels: { ...one.labels } })), leftOut };
    },
  };
}

/** With its length, so that no text can pass for two. */
function keyPart(text: string): string {
  const kept = bounded(text);
  return `${kept.length}:${kept}`;
}

function bounded(text: string): string {
  return text.length <= textLengthMax ? text : text.slice(0, textLengthMax);
}

/** A piece of a string keeps the whole string in memory; a copy does not. */
function detached(text: string): string {
  return Buffer.from(text).toString();
}
