import { isDeepStrictEqual } from 'node:util';
import type { EstateObject, Noun } from './catalogue/catalogue.js';
import type { Endpoint } from './endpoints.js';
import type { Field, Fields, FieldType } from './fields.js';
import { formatDuration, formatSize } from './quantities.js';

/**
 * `export` prints every field. `merge` leaves out what equals a default that follows other fields, so that it is
 * derived anew when the object is written again, and spells endpoints out so that their keys merge one by one.
 */
export type EstateFormPurpose = 'export' | 'merge';

/** An object as the estate file writes it: sizes and durations with units, an endpoint as a bare port where it can be. */
export function toEstateForm(noun: Noun, object: EstateObject, purpose: EstateFormPurpose = 'export'): EstateObject {
  return writeFields(noun.fields, object, purpose);
}

function writeFields(fields: Fields, object: EstateObject, purpose: EstateFormPurpose): EstateObject {
  const written: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(fields)) {
    if (purpose === 'merge' && followsDefault(field, object, key)) continue;
    written[key] = writeValue(field.type, object[key], purpose, field.initial);
  }
  return written;
}

function followsDefault(field: Field, object: EstateObject, key: string): boolean {
  return field.derived?.follows === true && isDeepStrictEqual(object[key], field.derived.from(object));
}

function writeValue(type: FieldType, value: unknown, purpose: EstateFormPurpose, initial?: unknown): unknown {
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case 'size':
      return formatSize(Number(value));
    case 'duration':
      return formatDuration(Number(value));
    case 'list':
      return (value as readonly unknown[]).map((item) => writeValue(type.item, item, purpose));
    case 'object':
      return writeFields(type.fields, value as EstateObject, purpose);
    case 'record':
      return Object.fromEntries(
        Object.entries(value as EstateObject).map(([key, item]) => [key, writeValue(type.value, item, purpose)]),
      );
    case 'endpoint':
      return writeEndpoint(value as Endpoint, initial as Endpoint, purpose);
    case 'text':
    case 'reference':
    case 'integer':
    case 'boolean':
    case 'choice':
    case 'match':
    case 'any':
      return value;
  }
}

function writeEndpoint(endpoint: Endpoint, initial: Endpoint, purpose: EstateFormPurpose): unknown {
  if (purpose === 'export' && isDeepStrictEqual(endpoint, { ...initial, port: endpoint.port })) return endpoint.port;
  if (purpose === 'merge' && endpoint.verify === (endpoint.tls !== 'opportunistic')) {
    const { verify: _, ...rest } = endpoint;
    return rest;
  }
  return endpoint;
}
