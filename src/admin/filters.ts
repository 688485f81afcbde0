import { existsSync } from 'node:fs';
import { UsherError } from '../errors.js';
import { pathText } from '../estate/problem.js';
import type { ChangeMeta, ChangeOptions, Transaction } from '../store/change.js';
import type { Reader, Store } from '../store/store.js';
import type { EstateObject } from '../topology/catalogue/catalogue.js';
import { catalogue } from '../topology/catalogue/catalogue.js';
import { toEstateForm } from '../topology/estate-form.js';
import type { ChangeResult } from './change-estate.js';
import { changeEstate } from './change-estate.js';
import { type PresentEntry, withAdded, withoutEntries } from './filter-entries.js';
import { entriesOf, entryName, listGiven, requireList } from './filter-lists.js';
import { switchGiven } from './filter-switches.js';
import { requireObject } from './read-objects.js';
import { writeGiven } from './write-object.js';

/** The entries that a command adds to a list. */
export interface AddRequest {
  readonly list: string;
  readonly entries: readonly string[];
  /** The fields that the flags gave, for each of the entries: the form of the estate file. */
  readonly details: EstateObject;
  readonly present: PresentEntry;
}

/** What `filter set` changes. */
export interface SetRequest {
  /** What `--set` and `--unset` gave, in the form of the estate file. */
  readonly given: EstateObject;
  readonly enable: readonly string[];
  readonly disable: readonly string[];
}

/** Puts entries on a list of the filters. */
export function addFilterEntries(
  store: Store,
  request: AddRequest,
  meta: ChangeMeta,
  options: ChangeOptions,
): ChangeResult {
  const list = requireList(request.list);
  const [name = '', ...more] = request.entries;
  if (more.length > 0 && (list.kind === 'provider' || list.kind === 'agent'))
    throw new UsherError('usage', 'usage', `${list.name} takes one name at a time, found ${request.entries.length}`);
  const result = changeEstate(store, meta, options, (transaction) => {
    const stored = entriesOf(filtersOf(transaction), list);
    const entries = withAdded(list, stored, request.entries, request.details, request.present);
    writeFilters(transaction, listGiven(list, entries));
  });
  const { module } = request.details;
  if (typeof module !== 'string' || existsSync(module)) return result;
  const message = `has the module ${module}, which is not there on this host`;
  return { ...result, warnings: [...result.warnings, { code: 'no-module', object: entryName(list, name), message }] };
}

/** Takes entries off a list of the filters. */
export function removeFilterEntries(
  store: Store,
  request: { readonly list: string; readonly entries: readonly string[] },
  meta: ChangeMeta,
  options: ChangeOptions & { readonly ifExists?: boolean },
): ChangeResult {
  const list = requireList(request.list);
  return changeEstate(store, meta, options, (transaction) => {
    const stored = entriesOf(filtersOf(transaction), list);
    const entries = withoutEntries(list, stored, request.entries, options.ifExists === true);
    if (entries.length < stored.length) writeFilters(transaction, listGiven(list, entries));
  });
}

/** Changes settings of the filters, and switches filters, providers and agents on and off. */
export function setFilters(store: Store, request: SetRequest, meta: ChangeMeta, options: ChangeOptions): ChangeResult {
  const { given, enable, disable } = request;
  if (Object.keys(given).length + enable.length + disable.length === 0) {
    const ways = '--set FIELD=VALUE, --unset FIELD, --enable NAME, --disable NAME';
    throw new UsherError('usage', 'usage', `nothing to change was given; ${ways}`, ['usher filter set --help']);
  }
  return changeEstate(store, meta, options, (transaction) => {
    writeFilters(transaction, given);
    writeFilters(transaction, switchGiven(filtersOf(transaction), enable, disable));
  });
}

/** The filters in the form of the estate file. */
export const filtersOf = (reader: Reader): EstateObject =>
  toEstateForm(catalogue.filters, requireObject(reader, catalogue.filters, catalogue.filters.name));

function writeFilters(transaction: Transaction, given: EstateObject): void {
  const noun = catalogue.filters;
  const place = (path: readonly PropertyKey[]): string =>
    path.length === 0 ? 'filters' : `filters: ${pathText(path)}`;
  writeGiven(transaction, noun, requireObject(transaction, noun, noun.name), given, place);
}
