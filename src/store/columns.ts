import { UsherError } from '../errors.js';
import type { EstateObject, Noun } from '../topology/catalogue/catalogue.js';
import type { Field, FieldType, NounName } from '../topology/fields.js';

/** A value as SQLite takes it. */
export type SqlValue = string | number | null;
export type Row = Readonly<Record<string, SqlValue>>;

const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replaceAll('-', '_');

export const tableOf = (noun: NounName): string => snake(noun);

/** A list that has a table of its own: its columns by the key of the item, or '' for a plain value. */
export interface ChildTable {
  readonly field: string;
  readonly table: string;
  readonly owner: string;
  readonly columns: ReadonlyArray<readonly [key: string, column: string]>;
}

interface Column {
  readonly field: string;
  readonly column: string;
  readonly type: FieldType;
}

/** Where the fields of a noun are kept: columns of its table, and tables of its lists. */
export interface TableLayout {
  readonly table: string;
  readonly nameColumn: string;
  readonly columns: readonly Column[];
  readonly children: readonly ChildTable[];
}

function childOf(noun: Noun, name: string, field: Field): ChildTable | undefined {
  if (field.type.kind !== 'list') return undefined;
  const table = tableOf(noun.name);
  const child = { field: name, table: `${table}_${snake(name)}`, owner: table };
  const item = field.type.item;
  if (item.kind === 'reference') return { ...child, columns: [['', tableOf(item.to)]] };
  if (item.kind === 'object' && name === 'components') {
    return { ...child, columns: Object.keys(item.fields).map((key) => [key, snake(key)]) };
  }
  return undefined;
}

const layouts = new Map<Noun, TableLayout>();

export function layoutOf(noun: Noun): TableLayout {
  const known = layouts.get(noun);
  if (known) return known;
  const fields = Object.entries(noun.fields);
  const children = fields.flatMap(([name, field]) => childOf(noun, name, field) ?? []);
  const layout = {
    table: tableOf(noun.name),
    nameColumn: noun.nameField ?? 'id',
    children,
    columns: fields
      .filter(([name]) => !children.some((child) => child.field === name))
      .map(([name, field]) => ({ field: name, column: snake(name), type: field.type })),
  };
  layouts.set(noun, layout);
  return layout;
}

const isJson = (type: FieldType): boolean =>
  ['list', 'object', 'record', 'endpoint', 'match', 'any'].includes(type.kind);

export function toSql(type: FieldType, value: unknown): SqlValue {
  if (value === null || value === undefined) return null;
  if (isJson(type)) return JSON.stringify(value);
  if (type.kind === 'boolean') return value === true ? 1 : 0;
  return value as SqlValue;
}

export function fromSql(type: FieldType, value: SqlValue | undefined): unknown {
  if (value === null || value === undefined) return null;
  if (type.kind === 'boolean') return value === 1;
  return isJson(type) ? JSON.parse(String(value)) : value;
}

/** The object of a row and its children's rows. */
export function objectOfRow(noun: Noun, row: Row, children: ReadonlyMap<string, readonly unknown[]>): EstateObject {
  const layout = layoutOf(noun);
  const byField = new Map(layout.columns.map((column) => [column.field, column]));
  const object: Record<string, unknown> = {};
  for (const name of Object.keys(noun.fields)) {
    const column = byField.get(name);
    object[name] = column ? fromSql(column.type, row[column.column]) : (children.get(name) ?? []);
  }
  return object;
}

/** `INSERT … ON CONFLICT DO UPDATE` of a noun's own row. */
export function upsertSql(layout: TableLayout): string {
  const names = layout.columns.map((column) => column.column);
  const all = layout.nameColumn === 'id' ? ['id', ...names] : names;
  const updates = names.filter((name) => name !== layout.nameColumn).map((name) => `${name} = excluded.${name}`);
  const action = updates.length > 0 ? `DO UPDATE SET ${updates.join(', ')}` : 'DO NOTHING';
  const values = all.map((name) => `@${name}`).join(', ');
  return `INSERT INTO ${layout.table} (${all.join(', ')}) VALUES (${values}) ON CONFLICT (${layout.nameColumn}) ${action}`;
}

/** A fault that only a damaged store can show. */
export function damagedStore(reason: string): UsherError {
  return new UsherError('store', 'store-damaged', `the store is damaged: ${reason}; restore it from a backup`);
}
