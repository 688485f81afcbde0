import { joinedValue } from './field-names.js';
import type { FieldLines } from './http-message.js';

const nothing: readonly string[] = [];

/** The words of the Connection fields in lower case (RFC 9110 §7.6.1). */
export function connectionOptions(fields: FieldLines): readonly string[] {
  const value = joinedValue(fields, 'connection');
  return value === undefined ? nothing : optionsOf(value);
}

/** The words of one value in lower case. */
export function optionsOf(value: string): readonly string[] {
  if (!value.includes(',')) return [value.toLowerCase()];
  return value.split(',').map((option) => option.trim().toLowerCase());
}
