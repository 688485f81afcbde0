import { estateDocument, toYaml } from '../estate/write-estate.js';
import type { Reader } from '../store/store.js';
import type { EstateObject } from '../topology/catalogue/catalogue.js';

/** The estate as a document, and as YAML text when asked. */
export function exportEstate(reader: Reader): { document: EstateObject; yaml: () => string } {
  const document = reader.atOneMoment(() =>
    estateDocument((noun) => (noun.nameField === null ? [reader.find(noun, noun.name) ?? {}] : reader.list(noun))),
  );
  return { document, yaml: () => toYaml(document) };
}
