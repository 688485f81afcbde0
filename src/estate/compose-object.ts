import type { z } from 'zod';
import type { EstateObject, Noun } from '../topology/catalogue/catalogue.js';
import { endpointDefaults } from '../topology/endpoints.js';
import { toEstateForm } from '../topology/estate-form.js';
import type { Fields, FieldType } from '../topology/fields.js';
import { didYouMean } from '../topology/names.js';
import type { Problem } from './problem.js';
import { schemaOf } from './schema.js';

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Objects merge key by key, a list replaces the list, null clears to the default.
 * Keys that the fields do not know stay, null or not, for the schema to refuse.
 */
function mergeValue(type: FieldType | undefined, stored: unknown, given: unknown): unknown {
  if (type?.kind === 'list' && Array.isArray(given)) return given.map((item) => mergeValue(type.item, undefined, item));
  if (!isPlain(given) || keysOf(type).length === 0) return given;
  const merged = new Map(Object.entries(isPlain(stored) ? stored : {}));
  for (const [key, value] of Object.entries(given)) {
    const below = typeBelow(type, key);
    if (value === null && below) merged.delete(key);
    else merged.set(key, mergeValue(below, merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

export type Composed = { readonly object: EstateObject } | { readonly problems: readonly Problem[] };

/**
 * The object that results when `given` (estate form, any part of an object) is put onto the stored one, or onto the
 * defaults when there is none: stored form, complete; or what is wrong with it.
 */
export function composeObject(noun: Noun, stored: EstateObject | undefined, given: EstateObject): Composed {
  const base = stored && toEstateForm(noun, stored, 'merge');
  const merged = mergeValue({ kind: 'object', fields: noun.fields }, base, given) as EstateObject;
  const result = schemaOf(noun).safeParse(stored ? { ...merged, ...nameOf(noun, stored) } : merged);
  if (result.success) return { object: result.data as EstateObject };
  return { problems: result.error.issues.flatMap((issue) => problemsOf(noun, issue)) };
}

/** The name an object was made with, which it keeps in whatever case it is mentioned later. */
function nameOf(noun: Noun, stored: EstateObject): EstateObject {
  return noun.nameField === 'name' ? { name: stored['name'] } : {};
}

function problemsOf(noun: Noun, issue: z.core.$ZodIssue): Problem[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, message: issue.message }];
  const known = keysAt(noun.fields, issue.path);
  return issue.keys.map((key) => ({
    path: [...issue.path, key],
    message: `unknown key "${key}"${didYouMean(key, known) || (known.length > 0 ? `; known keys: ${known.join(', ')}` : '')}`,
  }));
}

/** The keys that an object at a path of a noun may have. */
function keysAt(fields: Fields, path: readonly PropertyKey[]): readonly string[] {
  return keysOf(path.reduce<FieldType | undefined>(typeBelow, { kind: 'object', fields }));
}

function keysOf(type: FieldType | undefined): readonly string[] {
  if (type?.kind === 'object') return Object.keys(type.fields);
  if (type?.kind === 'record') return type.keys;
  return type?.kind === 'endpoint' ? Object.keys(endpointDefaults.smtp) : [];
}

/** What stands at a key or position below a value; undefined where nothing may. */
function typeBelow(type: FieldType | undefined, step: PropertyKey): FieldType | undefined {
  if (type?.kind === 'list') return type.item;
  if (!keysOf(type).includes(String(step))) return undefined;
  if (type?.kind === 'object') return type.fields[String(step)]?.type;
  return type?.kind === 'record' ? type.value : { kind: 'any' };
}
