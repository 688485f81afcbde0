import { toYaml } from '../estate/write-estate.js';
import type { EstateObject } from '../topology/catalogue/catalogue.js';

/** An object as the estate file writes it, for people to read. */
export const objectText = (object: EstateObject): string => toYaml(object);
