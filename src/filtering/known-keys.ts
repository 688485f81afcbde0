import { addressKey, domainKey } from '../topology/mail-address.js';

const addressSets = new WeakMap<readonly string[], ReadonlySet<string>>();
const domainSets = new WeakMap<readonly string[], ReadonlySet<string>>();

/** The keys of a list of addresses; worked out once for a list. */
export const addressKeysOf = (list: readonly string[]): ReadonlySet<string> => keysOf(addressSets, list, addressKey);

/** The keys of a list of domains; worked out once for a list. */
export const domainKeysOf = (list: readonly string[]): ReadonlySet<string> => keysOf(domainSets, list, domainKey);

function keysOf(
  sets: WeakMap<readonly string[], ReadonlySet<string>>,
  list: readonly string[],
  keyOf: (text: string) => string | undefined,
): ReadonlySet<string> {
  const known = sets.get(list) ?? new Set(list.flatMap((text) => keyOf(text) ?? []));
  sets.set(list, known);
  return known;
}
