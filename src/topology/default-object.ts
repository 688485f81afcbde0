import type { EstateObject, Noun } from './catalogue/catalogue.js';
import type { Fields } from './fields.js';

/** The object of a noun of which there is only one, as it is when nobody has set anything: stored form. */
export function defaultObject(noun: Noun): EstateObject {
  return defaultFields(noun.fields);
}

function defaultFields(fields: Fields): EstateObject {
  return Object.fromEntries(
    Object.entries(fields).map(([key, field]) => [
      key,
      field.type.kind === 'object' && !field.nullable ? defaultFields(field.type.fields) : field.initial,
    ]),
  );
}
