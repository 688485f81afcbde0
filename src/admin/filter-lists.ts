import { UsherError } from '../errors.js';
import type { EstateObject } from '../topology/catalogue/catalogue.js';
import { formats } from '../topology/formats.js';
import { addressKey, domainKey } from '../topology/mail-address.js';
import { nameKey, nearestName } from '../topology/names.js';
import { parseRange } from '../topology/ranges.js';

/** What the entries of a list are. Ranges, providers and agents carry more than what they go by. */
type EntryKind = 'range' | 'address' | 'domain' | 'provider' | 'agent';

/** A list of the filters as commands name it. */
export interface FilterList {
  readonly name: string;
  readonly kind: EntryKind;
  /** Where it stands in `filters`. */
  readonly path: readonly [string, string?];
}

/** An entry in the form of the estate file. */
export type FilterEntry = string | EstateObject;

/** In the order in which they are asked. */
export const filterLists: readonly FilterList[] = [
  { name: 'ip-allow', kind: 'range', path: ['ipAllow'] },
  { name: 'ip-block', kind: 'range', path: ['ipBlock'] },
  { name: 'allow-provider', kind: 'provider', path: ['allowProviders'] },
  { name: 'block-provider', kind: 'provider', path: ['blockProviders'] },
  { name: 'bypassed-recipient', kind: 'address', path: ['bypassedRecipients'] },
  { name: 'blocked-sender', kind: 'address', path: ['senders', 'blocked'] },
  { name: 'blocked-domain', kind: 'domain', path: ['senders', 'blockedDomains'] },
  { name: 'blocked-domain-and-subdomains', kind: 'domain', path: ['senders', 'blockedDomainsAndSubdomains'] },
  { name: 'blocked-recipient', kind: 'address', path: ['recipients', 'blocked'] },
  { name: 'spf-bypassed-recipient', kind: 'address', path: ['spf', 'bypassedRecipients'] },
  { name: 'spf-bypassed-domain', kind: 'domain', path: ['spf', 'bypassedDomains'] },
  { name: 'agent', kind: 'agent', path: ['agents'] },
];

export const filterListNames: readonly string[] = filterLists.map(({ name }) => name);

/** The list of a name, or the error (exit 2) that says which there are. */
export function requireList(name: string): FilterList {
  const list = filterLists.find((known) => known.name === nameKey(name));
  if (list) return list;
  const nearest = nearestName(name, filterListNames);
  const way = nearest === undefined ? `; lists: ${filterListNames.join(', ')}` : ` (did you mean "${nearest}"?)`;
  throw new UsherError(
    'usage',
    'usage',
    `there is no filter list "${name}"${way}`,
    nearest === undefined ? [] : [nearest],
  );
}

const formatOfKind = {
  range: formats.range,
  address: formats.address,
  domain: formats.domain,
  provider: formats.name,
  agent: formats.name,
} as const;

/** The form in which entries of a list compare; undefined when the text cannot be one. */
export function entryKey({ kind }: FilterList, text: string): string | undefined {
  if (!formatOfKind[kind].fits(text)) return undefined;
  switch (kind) {
    case 'range': {
      const range = parseRange(text);
      return range && `${range.family} ${range.first}-${range.last}`;
    }
    case 'address':
      return addressKey(text);
    case 'domain':
      return domainKey(text);
    case 'provider':
    case 'agent':
      return nameKey(text);
  }
}

/** The key of what a command was given for a list, or the error (exit 2) that says what belongs there. */
export function requireKey(list: FilterList, text: string): string {
  const key = entryKey(list, text);
  if (key !== undefined) return key;
  const { expected } = formatOfKind[list.kind];
  throw new UsherError(
    'invalid',
    'invalid',
    `${list.name}: expected ${expected}, found ${JSON.stringify(text.slice(0, 80))}`,
  );
}

/** What an entry goes by. */
export function entryText({ kind }: FilterList, entry: FilterEntry): string {
  if (typeof entry === 'string') return entry;
  return String(entry[kind === 'range' ? 'range' : 'name']);
}

/** The entries of a list. `filters` is in the form of the estate file. */
export function entriesOf(filters: EstateObject, { path: [outer, inner] }: FilterList): readonly FilterEntry[] {
  const value = filters[outer];
  return (inner === undefined ? value : (value as EstateObject)[inner]) as readonly FilterEntry[];
}

/** The part of `filters` that puts these entries in place of those of a list. */
export function listGiven({ path: [outer, inner] }: FilterList, entries: readonly FilterEntry[]): EstateObject {
  return { [outer]: inner === undefined ? entries : { [inner]: entries } };
}

/** A list's entry as messages name it: `ip-block "10.0.0.0/8"`. */
export const entryName = ({ name }: FilterList, text: string): string => `${name} "${text}"`;
