import { readdirSync, readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { layoutOf } from '../../src/store/columns.js';
import { nouns } from '../../src/topology/catalogue/catalogue.js';
import type { FieldType } from '../../src/topology/fields.js';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly pk: number;
}

const database = new Database(':memory:');
const migrations = new URL('../../migrations/', import.meta.url);
for (const name of readdirSync(migrations).sort()) database.exec(readFileSync(new URL(name, migrations), 'utf8'));
const columnsOf = (table: string): Column[] => database.pragma(`table_info("${table}")`) as Column[];
const columnNames = (table: string): string[] => columnsOf(table).map(({ name }) => name);
const collationOf = (table: string, column: string): boolean =>
  new RegExp(`\\b"?${column}"? TEXT[^,]*COLLATE NOCASE`).test(
    database.prepare('SELECT sql FROM sqlite_schema WHERE name = ?').pluck().get(table) as string,
  );
const foreignKeys = (table: string) =>
  database.pragma(`foreign_key_list("${table}")`) as { from: string; table: string }[];

const isText = (type: FieldType): boolean => !['integer', 'boolean', 'size', 'duration'].includes(type.kind);

// Lists that have rows of their own, in the address table or in one named after them.
const elsewhere: Readonly<Record<string, readonly [table: string, columns: readonly string[]]>> = {
  'mailbox aliases': ['address', ['key', 'address', 'position', 'mailbox']],
  'group members': ['group_members', ['group', 'position', 'member']],
};

describe.each(nouns.map((noun) => [noun.name, noun] as const))('%s', (name, noun) => {
  const layout = layoutOf(noun);
  const own = layout.columns.filter(({ field }) => !elsewhere[`${name} ${field}`]);

  test('has a table with its name in it', () => {
    expect(columnNames(layout.table)).toContain(layout.nameColumn);
  });

  test('has a column or a child table for every field, and no column that no field has', () => {
    const kept = [...own.map(({ field }) => field), ...layout.children.map(({ field }) => field)];
    const others = Object.keys(elsewhere)
      .filter((key) => key.startsWith(`${name} `))
      .map((key) => key.slice(name.length + 1));
    expect([...kept, ...others].sort()).toEqual(Object.keys(noun.fields).sort());
    expect(
      columnNames(layout.table)
        .filter((column) => column !== 'id')
        .sort(),
    ).toEqual(own.map(({ column }) => column).sort());
  });

  test.each(own.map(({ field, column }) => [field, column] as const))(
    '%s is of its kind and as nullable as its column',
    (field, column) => {
      const row = columnsOf(layout.table).find((candidate) => candidate.name === column);
      const definition = noun.fields[field];
      expect(row?.type).toBe(definition && isText(definition.type) ? 'TEXT' : 'INTEGER');
      expect(row?.notnull).toBe(definition?.nullable ? 0 : 1);
    },
  );

  test('refers to what its fields refer to, without regard to case', () => {
    for (const [field, { type }] of Object.entries(noun.fields)) {
      const item = type.kind === 'list' ? type.item : type;
      if (item.kind !== 'reference') continue;
      const child = layout.children.find((candidate) => candidate.field === field);
      const [table, column] = child
        ? [child.table, child.columns[0]?.[1] ?? '']
        : [layout.table, own.find((candidate) => candidate.field === field)?.column ?? ''];
      expect([table, column, collationOf(table, column)]).toEqual([table, column, true]);
      const target = foreignKeys(table).find(({ from }) => from === column)?.table;
      expect([item.to.replaceAll('-', '_'), 'database_copies']).toContain(target);
    }
  });

  test.each(layout.children.map((child) => [child.field, child] as const))(
    'the child table of %s has a column for every key',
    (_field, child) => {
      expect(columnNames(child.table).sort()).toEqual(
        [child.owner, 'position', ...child.columns.map(([, column]) => column)].sort(),
      );
      expect(foreignKeys(child.table).find(({ from }) => from === child.owner)?.table).toBe(layout.table);
    },
  );
});

test('lists that are kept elsewhere have their columns there', () => {
  for (const [table, columns] of Object.values(elsewhere))
    expect(columnNames(table)).toEqual(expect.arrayContaining([...columns]));
});

test('every table is strict, and belongs to a noun or to the store', () => {
  const tables = (database.pragma('table_list') as { name: string; strict: number; schema: string }[]).filter(
    ({ name, schema }) => schema === 'main' && !name.startsWith('sqlite_'),
  );
  const layouts = nouns.map(layoutOf);
  const known = [
    ...layouts.map(({ table }) => table),
    ...layouts.flatMap(({ children }) => children.map(({ table }) => table)),
  ];
  expect(tables.map(({ name }) => name).sort()).toEqual(
    [...new Set([...known, 'revision', 'change', 'address', 'group_members', 'route_key'])].sort(),
  );
  expect(tables.filter(({ strict }) => strict !== 1)).toEqual([]);
});
