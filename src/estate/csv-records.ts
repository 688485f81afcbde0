/** A record of a CSV file, or what is wrong with it; `line` is where it begins, the first being 1. */
export type CsvRecord =
  | { readonly line: number; readonly fields: readonly string[] }
  | { readonly line: number; readonly problem: string };

/** Longest record, in characters. */
const recordLengthMax = 1024 * 1024;

/** The end of a record is not there yet, or where it is and what was found. */
type Step =
  | { readonly kind: 'more' }
  | { readonly kind: 'fields'; readonly fields: readonly string[]; readonly end: number }
  | { readonly kind: 'problem'; readonly problem: string; readonly end: number };

/**
 * RFC 4180 §2: the records of a text that comes in pieces. Lines end in CRLF or LF, empty lines are left out, a byte
 * order mark is too. Holds one record and one piece at a time; a record that is too long is the last one.
 */
export function* readCsv(pieces: Iterable<string>): Generator<CsvRecord> {
  let text = '';
  let line = 1;
  let isFirst = true;
  for (const { piece, isLast } of withLast(pieces)) {
    text += isFirst && piece.startsWith('\uFEFF') ? piece.slice(1) : piece;
    isFirst &&= piece === '';
    let start = 0;
    while (start < text.length) {
      const step = nextRecord(text, start, isLast);
      if (step.kind === 'more') break;
      if (step.kind === 'problem') yield { line, problem: step.problem };
      else if (step.fields.length > 1 || step.fields[0] !== '') yield { line, fields: step.fields };
      line += countLines(text, start, step.end);
      start = step.end;
    }
    text = text.slice(start);
    if (text.length > recordLengthMax) {
      yield { line, problem: `is longer than ${recordLengthMax} characters; is a closing quote missing?` };
      return;
    }
  }
}

function* withLast(pieces: Iterable<string>): Generator<{ piece: string; isLast: boolean }> {
  for (const piece of pieces) yield { piece, isLast: false };
  yield { piece: '', isLast: true };
}

function nextRecord(text: string, start: number, isLast: boolean): Step {
  const feed = text.indexOf('\n', start);
  if (feed < 0 && !isLast) return { kind: 'more' };
  const end = feed < 0 ? text.length : feed + 1;
  const line = text.slice(start, feed < 0 ? end : feed);
  if (!line.includes('"')) return { kind: 'fields', fields: withoutReturn(line).split(','), end };
  return quotedRecord(text, start, isLast);
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);

/** A record with quotes in its first line; a line break between quotes belongs to the field. */
function quotedRecord(text: string, start: number, isLast: boolean): Step {
  const fields: string[] = [];
  for (let at = start; ; ) {
    const field = text[at] === '"' ? quotedField(text, at, isLast) : plainField(text, at);
    if (field.kind === 'more') return field;
    if (field.kind === 'problem') return problemStep(text, at, isLast, field.problem);
    fields.push(field.value);
    const rest = text.slice(field.end, field.end + 2);
    if (rest.startsWith(',')) {
      at = field.end + 1;
      continue;
    }
    if ((rest === '' || rest === '\r') && !isLast) return { kind: 'more' };
    if (/^(?:\r?\n|\r?$)/.test(rest)) return { kind: 'fields', fields, end: afterLine(text, field.end) ?? text.length };
    const problem = 'a closing quote is followed by text; a quote within quotes is written twice';
    return problemStep(text, field.end, isLast, problem);
  }
}

type FieldStep =
  | { readonly kind: 'more' }
  | { readonly kind: 'field'; readonly value: string; readonly end: number }
  | { readonly kind: 'problem'; readonly problem: string };

function quotedField(text: string, start: number, isLast: boolean): FieldStep {
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return isLast ? { kind: 'problem', problem: 'a quote is not closed' } : { kind: 'more' };
    if (text[quote + 1] !== '"') {
      return { kind: 'field', value: text.slice(start + 1, quote).replaceAll('""', '"'), end: quote + 1 };
    }
    from = quote + 2;
  }
}

function plainField(text: string, start: number): FieldStep {
  const ending = /,|\r?\n/g;
  ending.lastIndex = start;
  const end = ending.exec(text)?.index ?? text.length;
  const value = text.slice(start, end);
  if (!value.includes('"')) return { kind: 'field', value: withoutReturn(value), end };
  return { kind: 'problem', problem: 'a quote stands within a field that does not begin with one' };
}

/** The rest of the line that a problem is in is left out. */
function problemStep(text: string, at: number, isLast: boolean, problem: string): Step {
  const end = afterLine(text, at);
  return end === undefined && !isLast ? { kind: 'more' } : { kind: 'problem', problem, end: end ?? text.length };
}

function afterLine(text: string, at: number): number | undefined {
  const feed = text.indexOf('\n', at);
  return feed < 0 ? undefined : feed + 1;
}

function countLines(text: string, start: number, end: number): number {
  let lines = 0;
  for (let at = text.indexOf('\n', start); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}
