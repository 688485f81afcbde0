interface Range {
  readonly from: number;
  readonly to: number;
}

/** Message numbers or UIDs as a client names them; `*` is Infinity until resolved. */
export interface SequenceSet {
  readonly ranges: readonly Range[];
}

/** Reads `2,4:7,12:*`; undefined when malformed. */
export function parseSequenceSet(text: string): SequenceSet | undefined {
  const ranges: Range[] = [];
  for (const part of text.split(',')) {
    const [, from, to] = /^([1-9]\d{0,9}|\*)(?::([1-9]\d{0,9}|\*))?$/.exec(part) ?? [];
    if (from === undefined) return undefined;
    ranges.push({ from: numberOf(from), to: numberOf(to ?? from) });
  }
  return { ranges };
}

/** Whether a number is in the set; `largest` is what `*` stands for. */
export function inSequenceSet(set: SequenceSet, number: number, largest: number): boolean {
  return set.ranges.some((range) => {
    const from = range.from === Infinity ? largest : range.from;
    const to = range.to === Infinity ? largest : range.to;
    return number >= Math.min(from, to) && number <= Math.max(from, to);
  });
}

function numberOf(text: string): number {
  return text === '*' ? Infinity : Number(text);
}
