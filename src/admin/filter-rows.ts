import type { Reader } from '../store/store.js';
import type { EstateObject } from '../topology/catalogue/catalogue.js';
import { catalogue } from '../topology/catalogue/catalogue.js';
import { compareNames } from '../topology/names.js';
import { entriesOf, entryText, type FilterEntry, type FilterList, filterLists, requireList } from './filter-lists.js';
import { showObject } from './read-objects.js';

/** What `filter list` answers: the whole object, or the entries of one list; and a row for each entry. */
export interface FilterListing {
  readonly document: EstateObject | readonly FilterEntry[];
  readonly headings: readonly string[];
  readonly rows: ReadonlyArray<readonly string[]>;
}

/** The filters as they are stored, all or one list. `nowMs` tells which entries have expired. */
export function listFilters(reader: Reader, listName: string | undefined, nowMs: number): FilterListing {
  const only = listName === undefined ? undefined : requireList(listName);
  const filters = showObject(reader, catalogue.filters, catalogue.filters.name);
  if (only) {
    const entries = entriesOf(filters, only);
    return { document: entries, headings: ['entry', 'state', 'details'], rows: rowsOf(only, entries, nowMs) };
  }
  const entryRows = filterLists.flatMap((list) =>
    rowsOf(list, entriesOf(filters, list), nowMs).map((row) => [list.name, ...row]),
  );
  const rows = [...entryRows, ...settingRows(filters)];
  return { document: filters, headings: ['list', 'entry', 'state', 'details'], rows };
}

function rowsOf(list: FilterList, entries: readonly FilterEntry[], nowMs: number): string[][] {
  const isOrdered = list.kind === 'provider' || list.kind === 'agent';
  const shown = isOrdered ? [...entries].sort((a, b) => compareOrder(list, a, b)) : entries;
  return shown.map((entry) => [entryText(list, entry), stateOf(entry, nowMs), detailsOf(entry)]);
}

/** In the order in which they are asked. */
function compareOrder(list: FilterList, a: FilterEntry, b: FilterEntry): number {
  if (typeof a === 'string' || typeof b === 'string') return 0;
  const difference = Number(a['priority']) - Number(b['priority']);
  return difference || (list.kind === 'agent' ? compareNames(entryText(list, a), entryText(list, b)) : 0);
}

function stateOf(entry: FilterEntry, nowMs: number): string {
  if (typeof entry === 'string') return '';
  if (entry['enabled'] === false) return 'disabled';
  const { expires } = entry;
  return typeof expires === 'string' && Date.parse(expires) <= nowMs ? 'expired' : '';
}

/** The fields of an entry that say something. */
function detailsOf(entry: FilterEntry): string {
  if (typeof entry === 'string') return '';
  return Object.entries(entry)
    .filter(([field, value]) => !['range', 'name', 'enabled'].includes(field) && value !== null && value !== '')
    .map(([field, value]) => `${field}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('; ');
}

/** What is no list, by the path that `filter set` takes. */
function settingRows(filters: EstateObject): string[][] {
  return Object.entries(filters).flatMap(([outer, value]) =>
    Array.isArray(value)
      ? []
      : Object.entries(value as EstateObject)
          .filter(([, setting]) => !Array.isArray(setting))
          .map(([inner, setting]) => ['setting', `${outer}.${inner}`, '', String(setting)]),
  );
}
