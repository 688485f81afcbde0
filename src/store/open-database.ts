import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database as SqliteDatabase } from 'better-sqlite3';
import Database from 'better-sqlite3';
import { reasonOf, systemCodeOf, UsherError } from '../errors.js';
import { applicationId, latestVersion, migrate, refuseNewer, versionOf } from './migrate.js';

export interface OpenOptions {
  /** `read` needs a store that is there; `write` may make one; `runtime` reads and never waits longer than 50 ms. */
  readonly purpose: 'read' | 'write' | 'runtime';
  /** Folder of the numbered SQL files; the ones this program came with unless given. */
  readonly migrations?: URL;
  /** How long to wait for another process that is writing; 10 s for a command and 50 ms for the runtime unless given. */
  readonly waitMs?: number;
}

// dist/src/store and src/store are equally deep below the folder that holds migrations or dist.
const shippedMigrations = ['../../migrations/', '../../../migrations/']
  .map((path) => new URL(path, import.meta.url))
  .find((folder) => existsSync(folder));

/** How long a command waits for another one that is writing. */
const commandWaitMs = 10_000;
/** better-sqlite3 blocks the event loop while it waits. */
const runtimeWaitMs = 50;

/** Opens the store's file, brings it up to date, or says why it cannot be used (exit 5). */
export function openDatabase(path: string, options: OpenOptions): SqliteDatabase {
  const migrations = options.migrations ?? shippedMigrations;
  if (!migrations)
    throw new UsherError('store', 'no-migrations', 'the migrations folder is missing from this installation');
  let database: SqliteDatabase | undefined;
  try {
    refuseWhatIsNoFile(path, options.purpose);
    if (options.purpose === 'write') mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    database = new Database(path, {
      readonly: options.purpose !== 'write',
      timeout: options.waitMs ?? (options.purpose === 'runtime' ? runtimeWaitMs : commandWaitMs),
    });
    prepareDatabase(database, options.purpose, migrations);
    return database;
  } catch (error) {
    database?.close();
    throw storeError(path, error);
  }
}

function prepareDatabase(database: SqliteDatabase, purpose: OpenOptions['purpose'], migrations: URL): void {
  refuseForeignFile(database);
  refuseNewer(database, migrations);
  if (purpose !== 'write' && versionOf(database) === 0)
    throw missingStore(`the store ${database.name} is an empty file`);
  if (purpose === 'write') {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
  }
  database.pragma('foreign_keys = ON');
  database.pragma('trusted_schema = OFF');
  if (purpose === 'write') migrate(database, migrations);
  else if (versionOf(database) < latestVersion(migrations)) migrateFirst(database, migrations);
}

/** A store of an older version is brought up to date by whoever comes first, also by a reader. */
function migrateFirst(reader: SqliteDatabase, migrations: URL): void {
  const writer = new Database(reader.name, { timeout: commandWaitMs });
  try {
    migrate(writer, migrations);
  } finally {
    writer.close();
  }
}

function refuseForeignFile(database: SqliteDatabase): void {
  const id = Number(database.pragma('application_id', { simple: true }));
  const isEmpty = database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() as { tables: number };
  if (id === applicationId || (id === 0 && isEmpty.tables === 0)) return;
  throw new UsherError(
    'store',
    'store-not-ours',
    `${database.name} is a SQLite database but no usher store; name another file with --store`,
  );
}

function refuseWhatIsNoFile(path: string, purpose: OpenOptions['purpose']): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) {
    throw new UsherError('store', 'store-unusable', `the store ${path} is a directory; name a file with --store`);
  }
  if (stat && !stat.isFile()) {
    throw new UsherError('store', 'store-unusable', `the store ${path} is no regular file; name another with --store`);
  }
  if (!stat && purpose !== 'write') throw missingStore(`there is no store at ${path}`);
}

function missingStore(message: string): UsherError {
  const way = 'make one with "usher init" or "usher apply -f FILE", or name another with --store';
  return new UsherError('store', 'store-missing', `${message}; ${way}`);
}

const sqliteReasons: ReadonlyArray<readonly [RegExp, string, string]> = [
  [/^SQLITE_BUSY/, 'store-busy', 'is busy: another command has been writing for too long; try again'],
  [/^SQLITE_NOTADB/, 'store-unusable', 'is not a SQLite database; name another file with --store'],
  [/^SQLITE_CORRUPT/, 'store-damaged', 'is damaged; restore it from a backup'],
  [/^SQLITE_READONLY/, 'store-read-only', 'is read-only for this user'],
  [/^SQLITE_(CANTOPEN|PERM|AUTH)/, 'store-unusable', 'cannot be opened by this user'],
  [/^SQLITE_(FULL|IOERR)/, 'store-unusable', 'cannot be written: the disk is full or failing'],
  [/^(EACCES|EPERM|EROFS)$/, 'store-unusable', 'cannot be made: its folder may not be written by this user'],
  [/^(ENOTDIR|EEXIST)$/, 'store-unusable', 'cannot be made: a part of its path is a file'],
];

/** Faults of SQLite and the file system as errors of the store; other errors as they are. */
export function storeError(path: string, error: unknown): unknown {
  const systemCode = systemCodeOf(error);
  if (error instanceof UsherError || systemCode === undefined || !/^(SQLITE_|E[A-Z0-9]+$)/.test(systemCode))
    return error;
  const known = sqliteReasons.find(([pattern]) => pattern.test(systemCode));
  const [code, words] = known ? [known[1], known[2]] : ['store-unusable', `failed: ${reasonOf(error)}`];
  return new UsherError('store', code, `the store ${path} ${words} (${systemCode})`, [], { cause: error });
}
