import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import type { OpenOptions } from '../../src/store/open-database.js';
import { catalogue } from '../../src/topology/catalogue/catalogue.js';
import { refusal } from '../support/refusal.js';
import { apply, exported, meta, scratchStore, storePath } from '../support/scratch-store.js';
import { tempDir } from '../support/temp-dir.js';

const estate = `estate: 1
sites: [{name: A}]
servers: [{name: M, site: A, components: [{component: imap, requester: health, state: inactive}]}]
databases: [{name: DB1, copies: [M]}]
mailboxes: [{address: ann@contoso.com, database: DB1, aliases: [a@contoso.com]}]
`;

const purposes = ['read', 'write', 'runtime'] as const;

/** How opening is refused: always as an error of the store that names its path. */
function refusedTo(path: string, purpose: OpenOptions['purpose'], options: Partial<OpenOptions> = {}): string {
  const error = refusal(() => scratchStore(path, { purpose, ...options }));
  expect([error.kind, error.exitCode]).toEqual(['store', 5]);
  expect(error.message).toContain(path);
  return error.code;
}

describe.each(purposes)('for %s', (purpose) => {
  test('a directory is no store', () => expect(refusedTo(tempDir(), purpose)).toBe('store-unusable'));

  test('a path below a file is none', () => {
    const file = storePath();
    writeFileSync(file, '');
    for (const path of [join(file, 'usher.db'), join(file, 'deeper', 'usher.db')])
      expect(refusedTo(path, purpose)).toBe('store-unusable');
  });

  test('a pipe or a device is none', () => {
    const pipe = storePath();
    execFileSync('mkfifo', [pipe]);
    expect(refusedTo(pipe, purpose)).toBe('store-unusable');
    expect(refusedTo('/dev/null', purpose)).toBe('store-unusable');
  });

  test('a name that is too long, or a link to itself, is none', () => {
    expect(refusedTo(join(tempDir(), 'x'.repeat(300)), purpose)).toBe('store-unusable');
    const link = storePath();
    symlinkSync(link, link);
    expect(refusedTo(link, purpose)).toBe('store-unusable');
  });

  test('a file of another kind is none, and stays as it is', () => {
    const path = storePath();
    writeFileSync(path, 'estate: 1\n'.repeat(1000));
    expect(refusedTo(path, purpose)).toBe('store-unusable');
    expect(readFileSync(path, 'utf8')).toBe('estate: 1\n'.repeat(1000));
  });

  test('a SQLite file of somebody else is none, and stays as it is', () => {
    const path = storePath();
    const other = new Database(path);
    other.exec('CREATE TABLE theirs (x)');
    other.close();
    const before = readFileSync(path);
    expect(refusedTo(path, purpose)).toBe('store-not-ours');
    expect(readFileSync(path)).toEqual(before);
  });

  test('a store of a newer version is refused, and stays as it is', () => {
    const path = storePath();
    const store = scratchStore(path);
    apply(store, estate);
    store.close();
    const newer = new Database(path);
    newer.pragma('user_version = 99');
    newer.close();
    const before = readFileSync(path);
    expect(refusedTo(path, purpose)).toBe('store-too-new');
    expect(readFileSync(path)).toEqual(before);
    expect(readdirSync(dirname(path)).filter((name) => name.endsWith('.bak'))).toEqual([]);
  });

  test('a store cut off in the middle is damaged', () => {
    const path = storePath();
    const store = scratchStore(path);
    apply(store, estate);
    store.close();
    writeFileSync(path, readFileSync(path).subarray(0, 8192 + 100));
    const error = refusal(() => exported(scratchStore(path, { purpose })));
    expect([error.kind, error.exitCode, error.code]).toEqual(['store', 5, 'store-damaged']);
  });
});

test.each(['read', 'runtime'] as const)('for %s a store must be there, and is not made', (purpose) => {
  const path = storePath();
  expect(refusedTo(path, purpose)).toBe('store-missing');
  expect(existsSync(path)).toBe(false);
  writeFileSync(path, '');
  expect(refusedTo(path, purpose)).toBe('store-missing');
  expect(statSync(path).size).toBe(0);
});

test('for writing it is made with its folders, also in place of an empty file', () => {
  const path = join(tempDir(), 'a', 'b', 'usher.db');
  expect(apply(scratchStore(path), estate).revision).toBe(1);
  expect(statSync(dirname(path)).mode & 0o007).toBe(0);
  const empty = storePath();
  writeFileSync(empty, '');
  expect(apply(scratchStore(empty), estate).revision).toBe(1);
});

test('a page overwritten in the middle is found when it is read', () => {
  const path = storePath();
  const store = scratchStore(path);
  const contacts = Array.from({ length: 3000 }, (_, index) => ({ address: `a${index}@x.com`, target: 't@y.com' }));
  apply(store, { estate: 1, contacts });
  store.close();
  const file = openSync(path, 'r+');
  const pages = statSync(path).size / 4096;
  for (let page = Math.floor(pages / 3); page < pages; page += 1)
    writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, page * 4096);
  closeSync(file);
  const damaged = scratchStore(path, { purpose: 'read' });
  expect(refusal(() => exported(damaged)).code).toBe('store-damaged');
  expect(refusal(() => contacts.map(({ address }) => damaged.directory.find(address))).code).toBe('store-damaged');
});

test('a store somebody else is writing is busy after the wait, and free afterwards', () => {
  const path = storePath();
  const store = scratchStore(path, { purpose: 'write', waitMs: 200 });
  const other = new Database(path);
  other.exec('BEGIN IMMEDIATE');
  const start = performance.now();
  const error = refusal(() => store.change(meta, {}, (transaction) => transaction.remove(catalogue.site, 'A')));
  expect([error.kind, error.code, error.exitCode]).toEqual(['store', 'store-busy', 5]);
  expect(performance.now() - start).toBeGreaterThan(150);
  expect(exported(scratchStore(path, { purpose: 'runtime' }))).toMatchObject({ estate: 1 });
  other.exec('ROLLBACK');
  other.close();
  expect(apply(store, estate).revision).toBe(1);
});

test('a store knows when another file has taken its place', () => {
  const path = storePath();
  const store = scratchStore(path);
  apply(store, estate);
  expect(store.isReplaced()).toBe(false);
  copyFileSync(path, `${path}.new`);
  renameSync(`${path}.new`, path);
  expect(store.isReplaced()).toBe(true);
  rmSync(path);
  expect(store.isReplaced()).toBe(true);
});

describe('a store of an older version', () => {
  const shippedFolder = new URL('../../migrations/', import.meta.url);
  const shipped = readdirSync(shippedFolder)
    .sort()
    .map((name) => readFileSync(new URL(name, shippedFolder), 'utf8'));

  /** A folder of numbered SQL files: the ones that are there now, and others after them. */
  function migrations(...more: readonly string[]): URL {
    const folder = tempDir('migrations');
    for (const [index, sql] of [...shipped, ...more].entries())
      writeFileSync(join(folder, `${String(index + 1).padStart(4, '0')}-step.sql`), sql);
    writeFileSync(join(folder, 'README.md'), 'not a migration');
    return pathToFileURL(`${folder}/`);
  }

  /** A store of the version of today with an estate in it, closed. */
  function olderStore(): string {
    const path = storePath();
    const store = scratchStore(path);
    apply(store, estate);
    store.close();
    return path;
  }

  const backups = (path: string): string[] =>
    readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.v`));
  const versionOf = (path: string): number => {
    const database = new Database(path, { readonly: true });
    const version = Number(database.pragma('user_version', { simple: true }));
    database.close();
    return version;
  };

  // The way SQLite changes a table that ALTER cannot: a new one, the rows, the old one's name.
  const rebuilt = `
    CREATE TABLE server_new (
      name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE CHECK (name <> ''), host TEXT NOT NULL,
      site TEXT NOT NULL COLLATE NOCASE REFERENCES site (name) DEFERRABLE INITIALLY DEFERRED,
      dag TEXT COLLATE NOCASE REFERENCES dag (name) DEFERRABLE INITIALLY DEFERRED,
      roles TEXT NOT NULL, accepts TEXT NOT NULL, endpoints TEXT NOT NULL, rack TEXT) STRICT;
    INSERT INTO server_new SELECT *, 'r1' FROM server;
    DROP TABLE server;
    ALTER TABLE server_new RENAME TO server;`;

  test.each(purposes)('is brought up to date by whoever opens it (%s), after a copy is made beside it', (purpose) => {
    const path = olderStore();
    const before = exported(scratchStore(path, { purpose: 'read' }));
    const folder = migrations('ALTER TABLE site ADD COLUMN note TEXT;', rebuilt);
    const store = scratchStore(path, { purpose, migrations: folder });
    expect(exported(store)).toEqual(before);
    expect(store.find(catalogue.server, 'M')).toMatchObject({ components: [{ component: 'imap' }] });
    expect(store.directory.find('a@contoso.com')).toMatchObject({ address: 'ann@contoso.com' });
    expect(store.history()).toHaveLength(1);
    expect(versionOf(path)).toBe(shipped.length + 2);
    const [backup, ...others] = backups(path);
    expect(others).toEqual([]);
    expect(backup?.replace(`.v${shipped.length}-`, '.vN-')).toMatch(/^usher\.db\.vN-\d{8}T\d{9}Z\.bak$/);
    expect(exported(scratchStore(join(dirname(path), backup ?? ''), { purpose: 'read' }))).toEqual(before);
    scratchStore(path, { purpose, migrations: folder });
    expect(backups(path)).toHaveLength(1);
  });

  test.each([
    [
      'a statement that fails after others',
      'CREATE TABLE fresh (x); DELETE FROM mailbox; INSERT INTO nowhere VALUES (1);',
    ],
    ['broken SQL', 'CREATE TABEL x;'],
    ['rows left without what they refer to', "PRAGMA defer_foreign_keys = ON; DELETE FROM server WHERE name = 'M';"],
  ])('stays as it was when a migration fails: %s', (_title, sql) => {
    const path = olderStore();
    const before = exported(scratchStore(path, { purpose: 'read' }));
    for (const purpose of purposes) {
      const error = refusal(() =>
        scratchStore(path, { purpose, migrations: migrations('CREATE TABLE first (x);', sql) }),
      );
      expect([error.kind, error.exitCode]).toEqual(['store', 5]);
    }
    expect(versionOf(path)).toBe(shipped.length);
    const store = scratchStore(path);
    expect(exported(store)).toEqual(before);
    expect(apply(store, 'estate: 1\ndags: [{name: D}]').revision).toBe(2);
    const database = new Database(path, { readonly: true });
    expect(database.prepare("SELECT count(*) FROM sqlite_schema WHERE name IN ('fresh', 'first')").pluck().get()).toBe(
      0,
    );
    database.close();
  });

  test('still refuses dangling rows after it was brought up to date', () => {
    const path = olderStore();
    const store = scratchStore(path, { purpose: 'write', migrations: migrations(rebuilt) });
    const error = refusal(() => store.change(meta, {}, (transaction) => transaction.remove(catalogue.server, 'M')));
    expect(error.message).toContain('FOREIGN KEY');
  });
});
