import type { Command } from '@oclif/core/command';
import * as Flags from '@oclif/core/flags';
import { UsherError } from '../errors.js';
import type { EstateObject, Noun } from '../topology/catalogue/catalogue.js';
import type { Field, FieldType } from '../topology/fields.js';
import { didYouMean } from '../topology/names.js';

type Flag = Command.Flag.Any;

/** `maxMessageSize` as a flag: `max-message-size`. */
export const flagName = (field: string): string => field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const words: Record<FieldType['kind'], string> = {
  text: 'TEXT',
  reference: 'NAME',
  integer: 'NUMBER',
  boolean: '',
  size: 'SIZE',
  duration: 'DURATION',
  choice: 'CHOICE',
  list: 'LIST',
  object: '',
  record: '',
  endpoint: '',
  match: '',
  any: '',
};

const isScalar = (type: FieldType): boolean => words[type.kind] !== '' && type.kind !== 'list';

function flagOf(name: string, field: Field): [string, Flag] | undefined {
  const { type } = field;
  if (type.kind === 'boolean') return [flagName(name), Flags.boolean({ allowNo: true, description: describe(field) })];
  const item = type.kind === 'list' ? type.item : type;
  if (!isScalar(item)) return undefined;
  const helpValue =
    item.kind === 'choice'
      ? item.values.join('|')
      : item.kind === 'reference'
        ? item.to.toUpperCase()
        : words[item.kind];
  const common = { description: describe(field), helpValue };
  return [
    flagName(name),
    type.kind === 'list' ? Flags.string({ ...common, multiple: true, multipleNonGreedy: true }) : Flags.string(common),
  ];
}

function describe(field: Field): string {
  if (field.required) return 'required to create';
  if (field.type.kind === 'list') return 'repeated or divided by commas';
  return field.nullable || field.derived ? '' : `default ${JSON.stringify(field.initial)}`;
}

/** The flags of a noun's `create` and `update`: one a field, and `--set`, `--unset` for what is deeper. */
export function flagsOf(noun: Noun): Record<string, Flag> {
  const fields = Object.entries(noun.fields).filter(([name]) => name !== noun.nameField);
  return {
    ...Object.fromEntries(
      fields.flatMap(([name, field]) => [flagOf(name, field)].filter((flag) => flag !== undefined)),
    ),
    set: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'FIELD=VALUE',
      description: 'sets a field inside a field: endpoints.imap.port=143',
    }),
    unset: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'FIELD',
      description: 'clears a field to its default',
    }),
  };
}

/** What the flags gave, in the form of the estate file. */
export function givenOf(noun: Noun, flags: Readonly<Record<string, unknown>>): EstateObject {
  const given: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(noun.fields)) {
    const value = flags[flagName(name)];
    if (value !== undefined && name !== noun.nameField) given[name] = readFlag(field.type, value);
  }
  for (const setting of (flags['set'] as readonly string[] | undefined) ?? []) {
    const equals = setting.indexOf('=');
    if (equals < 1) throw new UsherError('usage', 'usage', `--set takes FIELD=VALUE, found "${setting}"`);
    setAt(noun, given, setting.slice(0, equals).split('.'), setting.slice(equals + 1));
  }
  for (const path of (flags['unset'] as readonly string[] | undefined) ?? []) setAt(noun, given, path.split('.'), null);
  return given;
}

function readFlag(type: FieldType, value: unknown): unknown {
  if (type.kind === 'list') {
    return (value as readonly string[])
      .flatMap((text) => text.split(','))
      .map((text) => text.trim())
      .filter((text) => text !== '')
      .map((text) => readText(type.item, text));
  }
  return typeof value === 'string' ? readText(type, value) : value;
}

/** A value typed on a command line, by what its field expects; what does not fit stays text and is refused later. */
function readText(type: FieldType | undefined, text: string): unknown {
  switch (type?.kind) {
    case 'integer':
      return /^-?\d+$/.test(text) ? Number(text) : text;
    case 'boolean':
      return text === 'true' || (text === 'false' ? false : text);
    case 'list':
      return readList(type, text);
    case 'text':
    case 'reference':
    case 'size':
    case 'duration':
    case 'choice':
      return text;
    case 'endpoint':
    case 'object':
    case 'record':
    case 'match':
    case 'any':
    case undefined:
      return readJson(text);
  }
}

/** A JSON list, else words divided by commas. */
function readList(type: FieldType, text: string): unknown {
  const list = text.startsWith('[') ? readJson(text) : text;
  return Array.isArray(list) ? list : readFlag(type, [text]);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // not JSON: the plain word itself
  }
}

function setAt(noun: Noun, given: Record<string, unknown>, path: readonly string[], text: string | null): void {
  const first = path[0] ?? '';
  if (!Object.hasOwn(noun.fields, first) || first === noun.nameField) {
    const known = Object.keys(noun.fields).filter((name) => name !== noun.nameField);
    const way = didYouMean(first, known) || `; fields: ${known.join(', ')}`;
    throw new UsherError('usage', 'usage', `${noun.name} has no field "${first}" to set${way}`);
  }
  let type: FieldType | undefined = { kind: 'object', fields: noun.fields };
  let holder: unknown = given;
  for (const [index, step] of path.entries()) {
    type = typeBelow(type, step);
    if (!isPlain(holder) || step === '' || step === '__proto__') {
      throw new UsherError('usage', 'usage', `${noun.name} has no field "${path.join('.')}" to set`);
    }
    if (index < path.length - 1) holder = holder[step] ??= {};
    else holder[step] = text === null || text === 'null' ? null : readText(type, text);
  }
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function typeBelow(type: FieldType | undefined, step: string): FieldType | undefined {
  if (type?.kind === 'object') return type.fields[step]?.type;
  return type?.kind === 'record' ? type.value : undefined;
}
