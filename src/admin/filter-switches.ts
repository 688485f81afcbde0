import { UsherError } from '../errors.js';
import type { EstateObject } from '../topology/catalogue/catalogue.js';
import { catalogue } from '../topology/catalogue/catalogue.js';
import { didYouMean, nameKey } from '../topology/names.js';
import type { FilterEntry, FilterList } from './filter-lists.js';
import { entriesOf, entryText, filterLists, listGiven } from './filter-lists.js';

/** Something of the filters that can be switched on and off; `list` null: a filter that comes with the program. */
interface Switch {
  readonly list: FilterList | null;
  readonly name: string;
}

const builtIn: readonly string[] = Object.keys((catalogue.filters.fields.enabled.type as { fields: object }).fields);
const switchLists = filterLists.filter(({ kind }) => kind === 'provider' || kind === 'agent');

/** The part of `filters` that switches what is named: a filter, a provider, an agent, `LIST:NAME` where several fit. */
export function switchGiven(
  filters: EstateObject,
  enable: readonly string[],
  disable: readonly string[],
): EstateObject {
  const on = new Set(enable.map((name) => switchText(findSwitch(filters, name))));
  const off = new Set(disable.map((name) => switchText(findSwitch(filters, name))));
  for (const text of on) {
    if (off.has(text)) throw new UsherError('usage', 'usage', `${text} cannot be both enabled and disabled`);
  }
  const stateOf = (item: Switch, before: unknown): unknown => {
    const text = switchText(item);
    return on.has(text) || (off.has(text) ? false : before);
  };
  const enabled = filters['enabled'] as EstateObject;
  const changed = Object.fromEntries(builtIn.map((name) => [name, stateOf({ list: null, name }, enabled[name])]));
  const lists = switchLists.map((list) =>
    listGiven(
      list,
      entriesOf(filters, list).map((entry): FilterEntry => {
        if (typeof entry === 'string') return entry;
        return { ...entry, enabled: stateOf({ list, name: entryText(list, entry) }, entry['enabled']) };
      }),
    ),
  );
  return Object.assign({ enabled: changed }, ...lists) as EstateObject;
}

const switchText = ({ list, name }: Switch): string =>
  list === null ? `filter "${name}"` : `${list.name} "${nameKey(name)}"`;

function findSwitch(filters: EstateObject, wanted: string): Switch {
  const key = nameKey(wanted);
  if (builtIn.includes(key)) return { list: null, name: key };
  const named = switchLists.flatMap((list) =>
    entriesOf(filters, list).map((entry) => ({ list, name: entryText(list, entry) })),
  );
  const fitting = named.filter(({ list, name }) =>
    [name, `${list.name}:${name}`].some((text) => nameKey(text) === key),
  );
  const [first, ...others] = fitting;
  if (first && others.length === 0) return first;
  const full = fitting.map(({ list, name }) => `${list.name}:${name}`);
  if (first) throw new UsherError('usage', 'usage', `"${wanted}" may be ${full.join(' or ')}; say which`, full);
  const known = [...builtIn, ...named.map(({ name }) => name)];
  const way = didYouMean(wanted, known) || `; filters: ${builtIn.join(', ')}, and providers and agents by their names`;
  throw new UsherError('missing', 'not-found', `there is no filter, provider or agent "${wanted}"${way}`);
}
