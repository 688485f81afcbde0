import { isDeepStrictEqual } from 'node:util';
import { UsherError } from '../errors.js';
import type { EstateObject } from '../topology/catalogue/catalogue.js';
import { didYouMean } from '../topology/names.js';
import { parseRange } from '../topology/ranges.js';
import { entryKey, entryName, entryText, type FilterEntry, type FilterList, requireKey } from './filter-lists.js';

/** What happens to an entry that is there already: a conflict, left alone, or given the new details. */
export type PresentEntry = 'refuse' | 'keep' | 'replace';

/**
 * A list with more entries. `details` are the fields that the flags gave, for each of them.
 * @throws UsherError conflict: one is there already; usage: a new one lacks what it needs
 */
export function withAdded(
  list: FilterList,
  stored: readonly FilterEntry[],
  texts: readonly string[],
  details: EstateObject,
  present: PresentEntry,
): readonly FilterEntry[] {
  const entries = [...stored];
  const places = new Map(stored.map((entry, index) => [entryKey(list, entryText(list, entry)), index]));
  const conflicts: string[] = [];
  const added: FilterEntry[] = [];
  for (const [key, text] of namedOnce(list, texts)) {
    const place = places.get(key);
    const entry = place === undefined ? undefined : stored[place];
    if (place === undefined || entry === undefined) added.push(newEntry(list, text, details, stored));
    else if (present === 'refuse') conflicts.push(conflictText(list, entry, details));
    else if (present === 'replace') entries[place] = changedEntry(entry, details);
  }
  if (conflicts.length > 0) throw new UsherError('conflict', 'exists', conflicts.join('\n'));
  return inOwnPlaces(list, stored, [...entries, ...added], details['priority']);
}

/**
 * A list without some of its entries.
 * @throws UsherError missing: one is not there, unless `ifExists`
 */
export function withoutEntries(
  list: FilterList,
  stored: readonly FilterEntry[],
  texts: readonly string[],
  ifExists: boolean,
): readonly FilterEntry[] {
  const named = namedOnce(list, texts);
  const known = new Set(stored.map((entry) => entryKey(list, entryText(list, entry))));
  const missing = [...named].filter(([key]) => !known.has(key)).map(([, text]) => missingText(list, stored, text));
  if (missing.length > 0 && !ifExists) throw new UsherError('missing', 'not-found', missing.join('\n'));
  return stored.filter((entry) => !named.has(entryKey(list, entryText(list, entry)) ?? ''));
}

/** The entries a command names by their keys, each once, as it was written first. */
function namedOnce(list: FilterList, texts: readonly string[]): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  for (const text of texts) {
    const key = requireKey(list, text);
    if (!named.has(key)) named.set(key, text);
  }
  return named;
}

function conflictText(list: FilterList, entry: FilterEntry, details: EstateObject): string {
  const there = `${entryName(list, entryText(list, entry))} is there already`;
  const other = Object.keys(details).filter(
    (field) => typeof entry !== 'string' && !isDeepStrictEqual(entry[field], details[field]),
  );
  if (other.length === 0) return `${there}; add --if-missing`;
  return `${there} with another ${other.join(' and ')}; add --replace, or remove it first`;
}

/** Other settings of an agent stay, and so does whatever was not given. */
function changedEntry(entry: FilterEntry, details: EstateObject): FilterEntry {
  if (typeof entry === 'string') return entry;
  const changed = { ...entry, ...details };
  if (!('settings' in details)) return changed;
  return { ...changed, settings: { ...(entry['settings'] as object), ...(details['settings'] as object) } };
}

function newEntry(list: FilterList, text: string, details: EstateObject, others: readonly FilterEntry[]): FilterEntry {
  switch (list.kind) {
    case 'address':
    case 'domain':
      return text;
    case 'range':
      return { range: text, ...details };
    case 'provider':
      requireDetail(list, text, details, 'zone', 'DOMAIN');
      return { name: text, priority: 1 + Math.max(0, ...others.map(priorityOf)), ...details };
    case 'agent':
      requireDetail(list, text, details, 'module', 'PATH');
      return { name: text, ...details };
  }
}

function requireDetail(list: FilterList, text: string, details: EstateObject, field: string, value: string): void {
  if (field in details) return;
  throw new UsherError('usage', 'usage', `${entryName(list, text)} is new and needs --${field} ${value}`);
}

const priorityOf = (entry: FilterEntry): number => (typeof entry === 'string' ? 0 : Number(entry['priority']));

/** A provider that took the priority of another pushes that one down, and it the next, as far as they stand close. */
function inOwnPlaces(
  list: FilterList,
  stored: readonly FilterEntry[],
  entries: readonly FilterEntry[],
  priority: unknown,
): readonly FilterEntry[] {
  if (list.kind !== 'provider' || typeof priority !== 'number') return entries;
  const isOther = (entry: FilterEntry): boolean => stored.includes(entry);
  const taken = new Set(entries.filter(isOther).map(priorityOf));
  let end = priority;
  if (entries.some((entry) => !isOther(entry))) while (taken.has(end)) end++;
  const isPushed = (entry: FilterEntry): boolean =>
    isOther(entry) && priority <= priorityOf(entry) && priorityOf(entry) < end;
  return entries.map((entry) =>
    typeof entry !== 'string' && isPushed(entry) ? { ...entry, priority: priorityOf(entry) + 1 } : entry,
  );
}

function missingText(list: FilterList, stored: readonly FilterEntry[], text: string): string {
  const texts = stored.map((entry) => entryText(list, entry));
  const near = list.kind === 'range' ? heldBy(texts, text) : didYouMean(text, texts);
  return `there is no ${entryName(list, text)}${near || `; see "usher filter list ${list.name}"`}`;
}

/** ` (10.0.0.0/8 holds it)`, or nothing. */
function heldBy(ranges: readonly string[], text: string): string {
  const wanted = parseRange(text);
  const holder = ranges.find((other) => {
    const range = parseRange(other);
    return wanted && range?.family === wanted.family && range.first <= wanted.first && wanted.last <= range.last;
  });
  return holder === undefined ? '' : ` (${holder} holds it)`;
}
