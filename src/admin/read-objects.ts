import { UsherError } from '../errors.js';
import type { Reader } from '../store/store.js';
import type { EstateObject, Noun } from '../topology/catalogue/catalogue.js';
import { catalogue, objectName } from '../topology/catalogue/catalogue.js';
import { toEstateForm } from '../topology/estate-form.js';
import type { NounName } from '../topology/fields.js';
import { nearestName } from '../topology/names.js';

/** Objects in the form of the estate file, in the order of their names. */
export function listObjects(reader: Reader, noun: Noun): EstateObject[] {
  return reader.list(noun).map((object) => toEstateForm(noun, object));
}

export function showObject(reader: Reader, noun: Noun, name: string): EstateObject {
  return toEstateForm(noun, requireObject(reader, noun, name));
}

/** The object, or the error that says it is not there and which name is near. */
export function requireObject(reader: Reader, noun: Noun, name: string): EstateObject {
  const object = reader.find(noun, name);
  if (object) return object;
  const known = noun.inDirectory ? [] : reader.list(noun).map((other) => objectName(noun, other));
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? `; see "usher ${noun.name} list"` : ` (did you mean "${nearest}"?)`;
  throw new UsherError(
    'missing',
    'not-found',
    `there is no ${noun.name} "${name}"${hint}`,
    nearest === undefined ? [] : [nearest],
  );
}

/** The noun of a name that a command was made for. */
export const nounOf = (name: NounName): Noun => catalogue[name];
