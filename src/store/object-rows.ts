import type { EstateObject, Noun } from '../topology/catalogue/catalogue.js';
import { objectName } from '../topology/catalogue/catalogue.js';
import { compareNames, nameKey } from '../topology/names.js';
import type { ChildTable, Row, SqlValue } from './columns.js';
import { layoutOf, objectOfRow, toSql, upsertSql } from './columns.js';
import type { Statements } from './statements.js';

/** Reads and writes the objects of a noun; one for tables by name, one for the directory. */
export interface ObjectRows {
  read(name: string): EstateObject | undefined;
  /** In the order of their names. */
  list(): EstateObject[];
  write(object: EstateObject): void;
  remove(name: string): void;
}

/** The rows of nouns that have a table by name, or of a noun of which there is only one. */
export function createObjectRows(statements: Statements, noun: Noun): ObjectRows {
  const layout = layoutOf(noun);
  const key = (name: string): SqlValue => (noun.nameField === null ? 1 : name);
  const childrenOf = (owner: string): Map<string, unknown[]> =>
    new Map(layout.children.map((child) => [child.field, readChild(statements, child, owner)]));

  return {
    read(name) {
      const row = statements.get(`SELECT * FROM ${layout.table} WHERE ${layout.nameColumn} = ?`, key(name));
      return row && objectOfRow(noun, row, childrenOf(String(row[layout.nameColumn])));
    },
    list() {
      const rows = statements.all(`SELECT * FROM ${layout.table} ORDER BY ${layout.nameColumn}`);
      const children = layout.children.map((child) => ({ child, byOwner: readAllChildren(statements, child) }));
      const objects = rows.map((row) => {
        const owner = nameKey(String(row[layout.nameColumn]));
        return objectOfRow(
          noun,
          row,
          new Map(children.map(({ child, byOwner }) => [child.field, byOwner.get(owner) ?? []])),
        );
      });
      // SQLite orders by bytes, which is not how JavaScript compares characters beyond the basic plane.
      return objects.sort((a, b) => compareNames(objectName(noun, a), objectName(noun, b)));
    },
    write(object) {
      const name = objectName(noun, object);
      const values = layout.columns.map(({ column, field, type }) => [column, toSql(type, object[field])] as const);
      statements.run(upsertSql(layout), { ...Object.fromEntries(values), ...(noun.nameField === null && { id: 1 }) });
      for (const child of layout.children) writeChild(statements, child, name, object[child.field]);
    },
    remove(name) {
      statements.run(`DELETE FROM ${layout.table} WHERE ${layout.nameColumn} = ?`, key(name));
    },
  };
}

function itemOf(child: ChildTable, row: Row): unknown {
  const first = child.columns[0];
  if (first?.[0] === '') return row[first[1]];
  return Object.fromEntries(child.columns.map(([key, column]) => [key, row[column]]));
}

function readChild(statements: Statements, child: ChildTable, owner: string): unknown[] {
  const sql = `SELECT * FROM ${child.table} WHERE ${child.owner} = ? ORDER BY position`;
  return statements.all(sql, owner).map((row) => itemOf(child, row));
}

function readAllChildren(statements: Statements, child: ChildTable): Map<string, unknown[]> {
  const byOwner = new Map<string, unknown[]>();
  for (const row of statements.all(`SELECT * FROM ${child.table} ORDER BY ${child.owner}, position`)) {
    const owner = nameKey(String(row[child.owner]));
    const items = byOwner.get(owner);
    if (items) items.push(itemOf(child, row));
    else byOwner.set(owner, [itemOf(child, row)]);
  }
  return byOwner;
}

function writeChild(statements: Statements, child: ChildTable, owner: string, items: unknown): void {
  statements.run(`DELETE FROM ${child.table} WHERE ${child.owner} = ?`, owner);
  const columns = child.columns.map(([, column]) => column);
  const places = columns.map(() => '?').join(', ');
  const sql = `INSERT INTO ${child.table} (${child.owner}, position, ${columns.join(', ')}) VALUES (?, ?, ${places})`;
  for (const [position, item] of (items as readonly unknown[]).entries()) {
    const values = child.columns.map(([key]) => (key === '' ? item : (item as EstateObject)[key]) as SqlValue);
    statements.run(sql, owner, position, ...values);
  }
}
