import type { Database, Statement } from 'better-sqlite3';
import type { Row, SqlValue } from './columns.js';

/** Prepared statements of one connection, each prepared once. */
export interface Statements {
  readonly database: Database;
  /** The id of the row that was written last. */
  run(sql: string, ...parameters: readonly (SqlValue | Readonly<Record<string, SqlValue>>)[]): number;
  /** How many rows were written. */
  count(sql: string, ...parameters: readonly SqlValue[]): number;
  all(sql: string, ...parameters: readonly SqlValue[]): Row[];
  get(sql: string, ...parameters: readonly SqlValue[]): Row | undefined;
}

export function createStatements(database: Database): Statements {
  const prepared = new Map<string, Statement>();
  const prepare = (sql: string): Statement => {
    const known = prepared.get(sql);
    if (known) return known;
    const statement = database.prepare(sql);
    prepared.set(sql, statement);
    return statement;
  };
  return {
    database,
    run: (sql, ...parameters) => Number(prepare(sql).run(...parameters).lastInsertRowid),
    count: (sql, ...parameters) => prepare(sql).run(...parameters).changes,
    all: (sql, ...parameters) => prepare(sql).all(...parameters) as Row[],
    get: (sql, ...parameters) => prepare(sql).get(...parameters) as Row | undefined,
  };
}
