import { jsonLine } from './json-line.js';

const textLengthMax = 1000;
const entriesMax = 100;

/** What stands in JSON as it is, and does a terminal no harm. */
const notPlain = /[^ !#-[\]-~]/;

/** A text as JSON that is one line and harmless to look at; cut at 1,000 characters or as many as are given. */
export function jsonText(value: string, lengthMax = textLengthMax): string {
  const kept = value.length <= lengthMax ? value : `${value.slice(0, lengthMax - 3)}...`;
  return notPlain.test(kept) ? jsonLine(kept) : `"${kept}"`;
}

export function jsonTextOrNull(value: string | null, lengthMax = textLengthMax): string {
  return value === null ? 'null' : jsonText(value, lengthMax);
}

/** JSON knows no infinity. */
export function jsonNumber(value: number): string {
  return Number.isFinite(value) ? `${value}` : '0';
}

export function jsonNumberOrNull(value: number | null): string {
  return value === null ? 'null' : jsonNumber(value);
}

/** A list as JSON: its first 100 entries, and one more that says how many are missing. */
export function jsonList<T>(list: readonly T[], textOf: (entry: T) => string, missing: (count: number) => T): string {
  if (list.length === 0) return '[]';
  const entries = list.slice(0, entriesMax).map(textOf);
  if (list.length > entriesMax) entries.push(textOf(missing(list.length - entriesMax)));
  return `[${entries.join(',')}]`;
}

interface Step {
  readonly rule: string;
  readonly detail: string;
}

/** The trace of a decision as JSON. */
export function jsonTrace(trace: readonly Step[]): string {
  return jsonList(trace, stepText, (count) => ({ rule: 'left-out', detail: `${count} steps` }));
}

function stepText({ rule, detail }: Step): string {
  return `{"rule":${jsonText(rule)},"detail":${jsonText(detail)}}`;
}
