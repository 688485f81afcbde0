import { readdirSync, readFileSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { UsherError } from '../errors.js';
import { damagedStore } from './columns.js';

/** Marks a SQLite file as a topology store ("ushr"). */
export const applicationId = 0x75736872;

/** The numbered SQL files, oldest first. */
function migrationFiles(folder: URL): string[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name))
    .sort();
}

/** How many migrations this program knows: the version of the stores it makes. */
export function latestVersion(folder: URL): number {
  return migrationFiles(folder).length;
}

/** The version of an open store. */
export function versionOf(database: Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

/** Runs what is missing, all of it or nothing; an older store is copied beside itself before. Returns that copy's path. */
export function migrate(database: Database, folder: URL): string | undefined {
  const version = versionOf(database);
  refuseNewer(database, folder);
  if (version === latestVersion(folder)) return undefined;
  const backup = version === 0 ? undefined : backUp(database, version);
  // A table that is rebuilt under foreign keys takes the rows that refer to it along.
  database.pragma('foreign_keys = OFF');
  database.exec('BEGIN IMMEDIATE');
  try {
    runMissing(database, folder);
    database.exec('COMMIT');
  } finally {
    if (database.inTransaction) database.exec('ROLLBACK');
    database.pragma('foreign_keys = ON');
  }
  return backup;
}

/** Another process may have come first while this one waited: then nothing is missing any more. */
function runMissing(database: Database, folder: URL): void {
  const files = migrationFiles(folder);
  for (const name of files.slice(versionOf(database))) database.exec(readFileSync(new URL(name, folder), 'utf8'));
  const dangling = database.pragma('foreign_key_check') as readonly { table: string; parent: string }[];
  const [first] = dangling;
  if (first) throw damagedStore(`rows of ${first.table} refer to rows of ${first.parent} that are not there`);
  database.pragma(`user_version = ${files.length}`);
  database.pragma(`application_id = ${applicationId}`);
}

/** Refuses a store of a version that this program does not know. */
export function refuseNewer(database: Database, folder: URL): void {
  const version = versionOf(database);
  const known = latestVersion(folder);
  if (version > known) throw tooNew(database.name, version, known);
}

function backUp(database: Database, version: number): string {
  const path = `${database.name}.v${version}-${new Date().toISOString().replace(/[-:.]/g, '')}.bak`;
  database.prepare('VACUUM INTO ?').run(path);
  return path;
}

function tooNew(path: string, version: number, known: number): UsherError {
  return new UsherError(
    'store',
    'store-too-new',
    `the store ${path} has version ${version}, this program knows versions up to ${known}; use the newer usher that wrote it`,
  );
}
