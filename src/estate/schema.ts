import { z } from 'zod';
import type { Noun } from '../topology/catalogue/catalogue.js';
import type { Endpoint } from '../topology/endpoints.js';
import { endpointChoices } from '../topology/endpoints.js';
import type { Field, Fields, FieldType } from '../topology/fields.js';
import { formats } from '../topology/formats.js';
import { nameKey } from '../topology/names.js';
import { formatDuration, formatSize, parseDuration, parseSize } from '../topology/quantities.js';

const found = (value: unknown): string =>
  value === undefined ? 'it is missing' : `found ${JSON.stringify(value)?.slice(0, 80) ?? typeof value}`;

/** `error` option of a zod type: what is expected, and what was found instead. */
const expecting = (expected: string) => ({
  error: (issue: { input?: unknown; code?: string }) =>
    issue.input === undefined ? 'is required' : `expected ${expected}, ${found(issue.input)}`,
});

function textSchema(type: Extract<FieldType, { kind: 'text' }>): z.ZodType {
  const format = type.format && formats[type.format];
  const lengthMax = type.lengthMax ?? 1024;
  return z
    .string(expecting(format?.expected ?? 'text (put it in quotes)'))
    .refine((value) => value.length <= lengthMax, { error: `is longer than ${lengthMax} characters`, abort: true })
    .refine((value) => format === undefined || format.fits(value), {
      error: (issue) => `expected ${format?.expected ?? 'text'}, ${found(issue.input)}`,
    });
}

/** A number with a unit, turned into its base unit and held between two bounds. */
function quantitySchema(
  expected: string,
  parse: (value: string | number) => number | undefined,
  min: number,
  max: number,
  show: (value: number) => string | number,
): z.ZodType {
  return z.union([z.string(), z.number()], expecting(expected)).transform((value, context) => {
    const number = parse(value);
    if (number === undefined) {
      context.addIssue({ code: 'custom', message: `expected ${expected}, ${found(value)}` });
      return z.NEVER;
    }
    if (number < min || number > max) {
      const bounds = max === Number.MAX_SAFE_INTEGER ? `at least ${show(min)}` : `${show(min)} to ${show(max)}`;
      context.addIssue({ code: 'custom', message: `${found(value).slice(6)} is out of range (${bounds})` });
      return z.NEVER;
    }
    return number;
  });
}

function integerSchema(min: number, max: number): z.ZodType {
  const range = `${min} to ${max}`;
  return z
    .int(expecting(`a whole number (${range})`))
    .refine((value) => value >= min && value <= max, {
      error: (issue) => `${String(issue.input)} is out of range (${range})`,
    })
    .transform((value) => value + 0); // -0 is 0
}

function endpointSchema(initial: Endpoint): z.ZodType {
  const port = integerSchema(1, 65_535);
  const settings = z
    .strictObject({
      port: port.default(initial.port),
      tls: z.enum(endpointChoices.tls, expecting(endpointChoices.tls.join(', '))).default(initial.tls),
      verify: z.boolean(expecting('true or false')).optional(),
      ca: textSchema({ kind: 'text', format: 'path' }).nullable().default(null),
      serverName: textSchema({ kind: 'text', format: 'host' }).nullable().default(null),
      proxyProtocol: z.enum(endpointChoices.proxyProtocol, expecting('none, v1 or v2')).default(initial.proxyProtocol),
      clientAddress: z
        .enum(endpointChoices.clientAddress, expecting(endpointChoices.clientAddress.join(', ')))
        .default(initial.clientAddress),
      auth: textSchema({ kind: 'text', format: 'line' }).nullable().default(null),
    })
    .transform(({ port, tls, verify, ...rest }) => ({ port, tls, verify: verify ?? tls !== 'opportunistic', ...rest }));
  return z.unknown().transform((value, context) => {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    const result = settings.safeParse(isObject ? value : { port: value });
    if (result.success) return result.data;
    for (const issue of result.error.issues) {
      context.addIssue({ ...issue, path: isObject ? [...issue.path] : [], input: value } as never);
    }
    return z.NEVER;
  });
}

const matchSchema = z.union(
  [
    z.literal('any'),
    z.strictObject({ mask: integerSchema(1, 255) }),
    z.strictObject({ addresses: z.array(textSchema({ kind: 'text', format: 'ip' })).min(1, 'needs at least 1 entry') }),
  ],
  expecting('any, {mask: 1 to 255} or {addresses: [127.0.0.2]}'),
);

/** Longest settings of an agent, as JSON text. */
const settingsLengthMax = 65_536;

/** Values of any shape, as JSON keeps them. */
const settingsSchema = z.unknown().transform((value, context) => {
  const text = JSON.stringify(value);
  if (text.length <= settingsLengthMax) return JSON.parse(text) as unknown;
  context.addIssue({ code: 'custom', message: `is longer than ${settingsLengthMax} characters of JSON` });
  return z.NEVER;
});

function typeSchema(type: FieldType, initial: unknown): z.ZodType {
  switch (type.kind) {
    case 'text':
      return textSchema(type);
    case 'reference':
      return textSchema({ kind: 'text', format: 'name' });
    case 'integer':
      return integerSchema(type.min, type.max);
    case 'boolean':
      return z.boolean(expecting('true or false'));
    case 'size':
      return quantitySchema('a size (36MB, 256KB or bytes)', parseSize, type.min, Number.MAX_SAFE_INTEGER, formatSize);
    case 'duration':
      return quantitySchema('a duration (5m, 30s, 500ms)', parseDuration, type.minMs, type.maxMs, formatDuration);
    case 'choice':
      return z.enum(type.values as [string, ...string[]], expecting(type.values.join(', ')));
    case 'list':
      return z
        .array(typeSchema(type.item, undefined), expecting('a list'))
        .refine((items) => items.length >= type.countMin, { error: `needs at least ${type.countMin} entries` })
        .refine((items) => items.length <= type.countMax, { error: `holds at most ${type.countMax} entries` })
        .superRefine((items, context) => refuseRepeats(type.item, items, context));
    case 'object':
      return fieldsSchema(type.fields);
    case 'record':
      return z.strictObject(
        Object.fromEntries(type.keys.map((key) => [key, typeSchema(type.value, undefined).optional()])),
        objectError,
      );
    case 'endpoint':
      return endpointSchema(initial as Endpoint);
    case 'match':
      return matchSchema;
    case 'any':
      return settingsSchema;
  }
}

/** Names and choices stand in a list once. */
function refuseRepeats(item: FieldType, items: readonly unknown[], context: z.RefinementCtx): void {
  if (item.kind !== 'reference' && item.kind !== 'choice') return;
  const seen = new Set<string>();
  for (const [index, value] of items.entries()) {
    const key = nameKey(String(value));
    if (!seen.has(key)) seen.add(key);
    else context.addIssue({ code: 'custom', path: [index], message: `"${String(value)}" stands in the list twice` });
  }
}

const objectError = {
  error: (issue: { input?: unknown; code?: string }) =>
    issue.code === 'unrecognized_keys' ? undefined : `expected an object with keys, ${found(issue.input)}`,
};

function fieldSchema(field: Field): z.ZodType {
  const schema = typeSchema(field.type, field.initial);
  if (field.nullable) return schema.nullable().default(null);
  if (field.derived) return schema.optional();
  if (field.required) return schema;
  return schema.prefault(field.type.kind === 'endpoint' ? {} : prefaultOf(field));
}

/** Defaults are held in stored form; only quantities look different in the file. */
function prefaultOf(field: Field): unknown {
  return field.type.kind === 'duration' ? formatDuration(Number(field.initial)) : field.initial;
}

function fieldsSchema(fields: Fields): z.ZodType {
  const shape = Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, fieldSchema(field)]));
  return z.strictObject(shape, objectError).transform((object) => {
    const filled: Record<string, unknown> = object;
    for (const [key, field] of Object.entries(fields)) {
      if (field.derived && filled[key] === undefined) filled[key] = field.derived.from(filled);
    }
    return filled;
  });
}

const schemas = new Map<Noun, z.ZodType>();

/** The schema of one object of a noun: estate form in, stored form with every default filled in out. */
export function schemaOf(noun: Noun): z.ZodType {
  const known = schemas.get(noun);
  if (known) return known;
  const schema = fieldsSchema(noun.fields);
  schemas.set(noun, schema);
  return schema;
}
