import { type ImapValue, keywordOf, textOf } from './imap-parser.js';
import { inSequenceSet, parseSequenceSet } from './imap-sequence-set.js';
import { parseImapDay } from './imap-text.js';
import type { ViewedMessage } from './imap-view.js';
import { fieldValue, readHeaderFields, splitMessage } from './message-header.js';
import { decodeHeaderText } from './readable-text.js';

const depthMax = 10;
const keysMax = 30;
const dayMs = 86_400_000;

/** What `*` stands for in the sets of a search. */
export interface SearchScope {
  readonly largestNumber: number;
  readonly largestUid: number;
}

export type SearchTest = (candidate: ViewedMessage, scope: SearchScope) => boolean;

const flagKeys: Readonly<Record<string, string>> = {
  ANSWERED: '\\Answered',
  DELETED: '\\Deleted',
  DRAFT: '\\Draft',
  FLAGGED: '\\Flagged',
  SEEN: '\\Seen',
};

/** Reads the keys of a SEARCH, all of which must hold; undefined when they cannot be read. */
export function parseSearch(args: readonly ImapValue[]): SearchTest | undefined {
  const reader = new SearchReader(args, 0);
  return reader.all();
}

class SearchReader {
  readonly #values: readonly ImapValue[];
  readonly #depth: number;
  #position = 0;

  constructor(values: readonly ImapValue[], depth: number) {
    this.#values = values;
    this.#depth = depth;
  }

  all(): SearchTest | undefined {
    const tests: SearchTest[] = [];
    if (this.#values.length === 0 || this.#depth > depthMax) return undefined;
    while (this.#position < this.#values.length) {
      const test = this.#key(this.#depth);
      if (!test || tests.length === keysMax) return undefined;
      tests.push(test);
    }
    return (candidate, scope) => tests.every((test) => test(candidate, scope));
  }

  #key(depth: number): SearchTest | undefined {
    const value = this.#next();
    if (!value || depth > depthMax) return undefined;
    if (value.kind === 'list') return new SearchReader(value.items, depth + 1).all();
    const name = keywordOf(value) ?? '';
    if (name === 'NOT') {
      const test = this.#key(depth + 1);
      return test && ((candidate, scope) => !test(candidate, scope));
    }
    if (name === 'OR') {
      const one = this.#key(depth + 1);
      const other = one && this.#key(depth + 1);
      return one && other && ((candidate, scope) => one(candidate, scope) || other(candidate, scope));
    }
    return plainKey(name) ?? this.#keyWithArgument(name) ?? setKey(name, 'number');
  }

  #keyWithArgument(name: string): SearchTest | undefined {
    const argument = this.#values[this.#position];
    const text = textOf(argument);
    if (text === undefined || !hasArgument.has(name)) return undefined;
    this.#position += 1;
    switch (name) {
      case 'UID':
        return setKey(text, 'uid');
      case 'CHARSET':
        return /^(?:utf-8|us-ascii)$/i.test(text) ? () => true : undefined;
      case 'KEYWORD':
        return ({ message }) => message.flags.has(text);
      case 'UNKEYWORD':
        return ({ message }) => !message.flags.has(text);
      case 'LARGER':
        return ({ message }) => message.raw.length > Number(text);
      case 'SMALLER':
        return ({ message }) => message.raw.length < Number(text);
      case 'HEADER': {
        const wanted = textOf(this.#next());
        return wanted === undefined ? undefined : fieldKey(text, wanted);
      }
      case 'BODY':
      case 'TEXT':
        return bytesKey(text, name);
      case 'FROM':
      case 'TO':
      case 'CC':
      case 'BCC':
      case 'SUBJECT':
        return fieldKey(name, text);
      default:
        return dateKey(name, text);
    }
  }

  #next(): ImapValue | undefined {
    const value = this.#values[this.#position];
    this.#position += 1;
    return value;
  }
}

const hasArgument = new Set(
  (
    'UID CHARSET KEYWORD UNKEYWORD LARGER SMALLER HEADER BODY TEXT FROM TO CC BCC SUBJECT ' +
    'BEFORE ON SINCE SENTBEFORE SENTON SENTSINCE'
  ).split(' '),
);

function plainKey(name: string): SearchTest | undefined {
  if (name === 'ALL' || name === 'OLD') return () => true;
  if (name === 'NEW' || name === 'RECENT') return () => false;
  const flag = flagKeys[name];
  if (flag !== undefined) return ({ message }) => message.flags.has(flag);
  const absent = name.startsWith('UN') ? flagKeys[name.slice(2)] : undefined;
  return absent === undefined ? undefined : ({ message }) => !message.flags.has(absent);
}

function setKey(text: string, by: 'number' | 'uid'): SearchTest | undefined {
  const set = parseSequenceSet(text);
  if (!set) return undefined;
  return ({ number, message }, { largestNumber, largestUid }) =>
    by === 'uid' ? inSequenceSet(set, message.uid, largestUid) : inSequenceSet(set, number, largestNumber);
}

function fieldKey(name: string, wanted: string): SearchTest {
  const needle = wanted.toLowerCase();
  return ({ message }) => {
    const value = fieldValue(readHeaderFields(splitMessage(message.raw).header), name);
    return value !== undefined && decodeHeaderText(value).toLowerCase().includes(needle);
  };
}

function bytesKey(wanted: string, where: 'BODY' | 'TEXT'): SearchTest {
  const needle = wanted.toLowerCase();
  return ({ message }) => {
    const bytes = where === 'BODY' ? splitMessage(message.raw).body : message.raw;
    return bytes.toString('utf8').toLowerCase().includes(needle);
  };
}

function dateKey(name: string, text: string): SearchTest | undefined {
  const day = parseImapDay(text);
  if (day === undefined) return undefined;
  return ({ message }) => {
    const sent = name.startsWith('SENT');
    const time = sent
      ? Date.parse(fieldValue(readHeaderFields(splitMessage(message.raw).header), 'date') ?? '')
      : message.internalDate.getTime();
    switch (name.replace('SENT', '')) {
      case 'BEFORE':
        return time < day;
      case 'SINCE':
        return time >= day;
      default:
        return time >= day && time < day + dayMs;
    }
  };
}
