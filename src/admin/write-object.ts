import { composeObject } from '../estate/compose-object.js';
import { invalidError, pathText } from '../estate/problem.js';
import type { Transaction } from '../store/change.js';
import type { Reader } from '../store/store.js';
import type { EstateObject, Noun } from '../topology/catalogue/catalogue.js';
import { createNameIndex, danglingReferences, referencesOf } from '../topology/check/references.js';
import type { NounName } from '../topology/fields.js';
import { nameKey } from '../topology/names.js';

type NameIndex = (noun: NounName) => ReadonlyMap<string, string>;

/** Puts what was given onto the stored object, or onto the defaults, and writes it; problems name the object and field. */
export function writeGiven(
  transaction: Transaction,
  noun: Noun,
  stored: EstateObject | undefined,
  given: EstateObject,
  place: (path: readonly PropertyKey[]) => string,
  names?: NameIndex,
): void {
  const composed = composeObject(noun, stored, given);
  if ('problems' in composed)
    throw invalidError(composed.problems.map(({ path, message }) => `${place(path)}: ${message}`));
  const object = names ? withKnownNames(noun, composed.object, names) : composed.object;
  if (names && noun.inDirectory) {
    const dangling = danglingReferences(noun, object, names);
    if (dangling.length > 0)
      throw invalidError(dangling.map((finding) => `${place(finding.path)}: ${finding.message}`));
  }
  transaction.write(noun, object);
}

/** Names as their objects were given them, whatever the case they are mentioned in. */
function withKnownNames(noun: Noun, object: EstateObject, names: NameIndex): EstateObject {
  const copy = structuredClone(object) as Record<PropertyKey, unknown>;
  for (const reference of referencesOf(noun, object)) {
    const known = names(reference.to).get(nameKey(reference.name));
    if (known === undefined || known === reference.name) continue;
    const holder = reference.path.slice(0, -1).reduce((at, step) => at[step] as Record<PropertyKey, unknown>, copy);
    holder[reference.path.at(-1) as PropertyKey] = known;
  }
  return copy;
}

/** The names that stand in an estate now, with those that are about to be made; only the latter without a reader. */
export function namesIn(reader: Reader | undefined, more: ReadonlyArray<{ noun: Noun; name: string }> = []): NameIndex {
  const stored = reader ? createNameIndex(reader.topology().objects) : () => new Map<string, string>();
  const added = new Map<NounName, ReadonlyMap<string, string>>();
  return (noun) => {
    const known = added.get(noun);
    if (known) return known;
    const names = new Map([
      ...more.filter((entry) => entry.noun.name === noun).map((entry) => [nameKey(entry.name), entry.name] as const),
      ...stored(noun),
    ]);
    added.set(noun, names);
    return names;
  };
}

/** A place of an object that a command names: its flag. */
export const flagPlace =
  (noun: Noun, name: string) =>
  (path: readonly PropertyKey[]): string =>
    path.length === 0 ? `${noun.name} "${name}"` : `${noun.name} "${name}": ${pathText(path)}`;
