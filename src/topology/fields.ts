import type { FormatName } from './formats.js';

/** The nouns of the estate file, in the singular as the commands say them. */
export type NounName =
  | 'organization'
  | 'site'
  | 'link'
  | 'dag'
  | 'server'
  | 'database'
  | 'mailbox'
  | 'group'
  | 'contact'
  | 'domain'
  | 'send-connector'
  | 'receive-connector'
  | 'filters'
  | 'listener'
  | 'http-service'
  | 'certificate'
  | 'gateway'
  | 'dial-plan'
  | 'hunt-group';

/** What a value looks like. Sizes are held in bytes, durations in milliseconds. */
export type FieldType =
  | { readonly kind: 'text'; readonly format?: FormatName; readonly lengthMax?: number }
  | { readonly kind: 'reference'; readonly to: NounName }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'size'; readonly min: number }
  | { readonly kind: 'duration'; readonly minMs: number; readonly maxMs: number }
  | { readonly kind: 'choice'; readonly values: readonly string[] }
  | { readonly kind: 'list'; readonly item: FieldType; readonly countMin: number; readonly countMax: number }
  | { readonly kind: 'object'; readonly fields: Fields }
  | { readonly kind: 'record'; readonly keys: readonly string[]; readonly value: FieldType }
  | { readonly kind: 'endpoint' }
  | { readonly kind: 'match' }
  | { readonly kind: 'any' };

declare const valueType: unique symbol;

/**
 * One field of an object of the estate: its shape and its default in stored form.
 * A `derived` default is computed from the object's other fields when it is written; one that `follows`
 * is computed anew as long as the stored value is the derived one.
 */
export interface Field<T = unknown> {
  readonly type: FieldType;
  readonly required: boolean;
  readonly nullable: boolean;
  readonly initial: unknown;
  readonly derived?: {
    readonly from: (object: Readonly<Record<string, unknown>>) => unknown;
    readonly follows: boolean;
  };
  readonly [valueType]?: T;
}

export type Fields = Readonly<Record<string, Field>>;

/** The TypeScript type of a field's stored form. */
type ValueOf<F> = F extends Field<infer T> ? T : never;

/** The TypeScript type of an object in stored form. */
export type ObjectOf<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };

const make = <T>(type: FieldType, initial: unknown): Field<T> => ({
  type,
  required: initial === undefined,
  nullable: initial === null,
  initial,
});

/** The same field with a default computed from the object. */
export function derived<T>(
  field: Field<T>,
  from: (object: Readonly<Record<string, unknown>>) => unknown,
  follows = true,
): Field<T> {
  return { ...field, required: false, derived: { from, follows } };
}

/** A field that is null unless it is given. */
export function optional<T>(field: Field<T>): Field<T | null> {
  return { type: field.type, required: false, nullable: true, initial: null };
}

/** A text of at most 1024 characters, or as long as `lengthMax` says. */
export const text = (format?: FormatName, initial?: string, lengthMax = 1024): Field<string> =>
  make({ kind: 'text', lengthMax, ...(format && { format }) }, initial);

export const reference = (to: NounName): Field<string> => make({ kind: 'reference', to }, undefined);

export const integer = (min: number, max: number, initial?: number): Field<number> =>
  make({ kind: 'integer', min, max }, initial);

export const boolean = (initial: boolean): Field<boolean> => make({ kind: 'boolean' }, initial);

/** A size in bytes. */
export const size = (min: number, initial?: number): Field<number> => make({ kind: 'size', min }, initial);

/** A duration in milliseconds. */
export const duration = (minMs: number, maxMs: number, initial?: number): Field<number> =>
  make({ kind: 'duration', minMs, maxMs }, initial);

export const choice = <const V extends string>(values: readonly V[], initial?: V): Field<V> =>
  make({ kind: 'choice', values }, initial);

export const list = <T>(
  item: Field<T>,
  options: { initial?: readonly T[]; countMin?: number; countMax?: number } = {},
): Field<readonly T[]> => {
  const countMin = options.countMin ?? 0;
  const type: FieldType = { kind: 'list', item: item.type, countMin, countMax: options.countMax ?? 100_000 };
  return make(type, options.initial ?? (countMin > 0 ? undefined : []));
};

/** An object inside an object; its keys merge one by one. */
export const object = <const F extends Fields>(fields: F): Field<ObjectOf<F>> => ({
  type: { kind: 'object', fields },
  required: false,
  nullable: false,
  initial: {},
});

/** A map with known keys, of which any may be absent. */
export const record = <const K extends string, T>(
  keys: readonly K[],
  value: Field<T>,
): Field<{ readonly [P in K]?: T }> => make({ kind: 'record', keys, value: value.type }, {});

/** A value of a shape of its own, checked by name. */
export const special = <T>(kind: 'endpoint' | 'match' | 'any', initial: unknown): Field<T> => make({ kind }, initial);
