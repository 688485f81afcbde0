import { stringify } from 'yaml';
import type { EstateObject, Noun } from '../topology/catalogue/catalogue.js';
import { nouns } from '../topology/catalogue/catalogue.js';
import { toEstateForm } from '../topology/estate-form.js';

/** The estate as one document in the form of the estate file; sections without objects are left out. */
export function estateDocument(list: (noun: Noun) => readonly EstateObject[]): EstateObject {
  const document: Record<string, unknown> = { estate: 1 };
  for (const noun of nouns) {
    const objects = list(noun).map((object) => toEstateForm(noun, object));
    if (noun.nameField === null) document[noun.section] = objects[0];
    else if (objects.length > 0) document[noun.section] = objects;
  }
  return document;
}

/** An object or document as YAML text. */
export function toYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
