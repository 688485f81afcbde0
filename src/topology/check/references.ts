import type { EstateObject, Noun } from '../catalogue/catalogue.js';
import { catalogue, nouns, objectName } from '../catalogue/catalogue.js';
import type { FieldType, NounName } from '../fields.js';
import { didYouMean, nameKey } from '../names.js';
import type { TopologyObjects } from '../topology.js';
import { serversWithComponentsOf } from './components.js';
import type { Finding } from './finding.js';
import { errorOf } from './finding.js';

/** One place of an object that names another one. */
interface Reference {
  readonly path: readonly PropertyKey[];
  readonly to: NounName;
  readonly name: string;
}

/** What an object names, with the place of each name. */
export function referencesOf(noun: Noun, object: EstateObject): Reference[] {
  return Object.entries(noun.fields).flatMap(([key, field]) => collect(field.type, object[key], [key]));
}

function collect(type: FieldType, value: unknown, path: readonly PropertyKey[]): Reference[] {
  if (value === null || value === undefined) return [];
  if (type.kind === 'reference') return [{ path, to: type.to, name: value as string }];
  if (type.kind === 'list') {
    return (value as readonly unknown[]).flatMap((item, index) => collect(type.item, item, [...path, index]));
  }
  if (type.kind !== 'object') return [];
  return Object.entries(type.fields).flatMap(([key, field]) =>
    collect(field.type, (value as EstateObject)[key], [...path, key]),
  );
}

/** The objects of a section, of which the topology holds the names. */
export function objectsOf(objects: TopologyObjects, noun: Noun): readonly EstateObject[] {
  const section = (objects as unknown as Readonly<Record<string, unknown>>)[noun.section];
  return (noun.nameField === null ? [section] : (section ?? [])) as readonly EstateObject[];
}

/** The names that objects of each noun may refer to. */
export function createNameIndex(objects: TopologyObjects): (noun: NounName) => ReadonlyMap<string, string> {
  const index = new Map<NounName, ReadonlyMap<string, string>>();
  return (name) => {
    const known = index.get(name);
    if (known) return known;
    const noun: Noun = catalogue[name];
    const names = new Map(
      objectsOf(objects, noun).map((object) => [nameKey(objectName(noun, object)), objectName(noun, object)]),
    );
    index.set(name, names);
    return names;
  };
}

/** Names that an object mentions and that are not there. */
export function danglingReferences(
  noun: Noun,
  object: EstateObject,
  namesOf: (noun: NounName) => ReadonlyMap<string, string>,
): Finding[] {
  return referencesOf(noun, object)
    .filter((reference) => !namesOf(reference.to).has(nameKey(reference.name)))
    .map((reference) => {
      const known = namesOf(reference.to);
      const hint = didYouMean(reference.name, known.values()) || knownNames(known);
      const message = `there is no ${reference.to} "${reference.name}"${hint}`;
      return errorOf(noun.name)(objectName(noun, object), reference.path, 'dangling-reference', message);
    });
}

function knownNames(known: ReadonlyMap<string, string>): string {
  const names = [...known.values()].slice(0, 8);
  return names.length > 0 ? `; known: ${names.join(', ')}` : '; none has been made yet';
}

/** Objects that name a given object: what deleting it would leave dangling. */
export function usersOf(objects: TopologyObjects, target: NounName, name: string): { noun: Noun; name: string }[] {
  const key = nameKey(name);
  const servers = target === 'http-service' ? serversWithComponentsOf(name, objects) : [];
  const byReference = nouns
    .filter((noun) => !noun.inDirectory)
    .flatMap((noun) =>
      objectsOf(objects, noun)
        .filter((object) =>
          referencesOf(noun, object).some((reference) => reference.to === target && nameKey(reference.name) === key),
        )
        .map((object) => ({ noun, name: objectName(noun, object) })),
    );
  return [...servers.map((server) => ({ noun: catalogue.server, name: server.name })), ...byReference];
}
