import { isDeepStrictEqual } from 'node:util';
import { reasonOf, systemCodeOf, UsherError } from '../errors.js';
import type { EstateObject, Noun } from '../topology/catalogue/catalogue.js';
import { catalogue, objectName } from '../topology/catalogue/catalogue.js';
import { addressKey } from '../topology/mail-address.js';
import { nameKey } from '../topology/names.js';
import type { MailboxImporter, ReportLine } from './mailbox-importer.js';
import { createMailboxImporter } from './mailbox-importer.js';
import type { ObjectRows } from './object-rows.js';
import type { ObjectChange } from './revisions.js';
import { headRevision } from './revisions.js';
import { addRouteKey } from './route-keys.js';
import type { Statements } from './statements.js';
import type { Reader } from './store.js';

/** What is kept of a change beside what it changed. */
export interface ChangeMeta {
  readonly actor: string;
  readonly command: string;
  readonly message: string | null;
}

export interface ChangeOptions {
  /** Refuse when another revision came between. */
  readonly expectRevision?: number;
  /** Find out what would change, and write nothing. */
  readonly dryRun?: boolean;
}

/** `revision` is the new one, the one in force when nothing changed, or null for a dry run. */
export interface Change {
  readonly revision: number | null;
  readonly changed: readonly ObjectChange[];
}

/** The estate within a change: reading sees what was written. */
export interface Transaction extends Reader {
  /** Puts a complete object in stored form. Whether that changed anything. */
  write(noun: Noun, object: EstateObject): boolean;
  /** Whether it was there. */
  remove(noun: Noun, name: string): boolean;
  /** Makes a new key for route cookies; the one before stays valid. A change of the organization's "route key". */
  renewRouteKey(): void;
  /** What differs from before the change so far; of imported mailboxes the first thousand. */
  changed(): ObjectChange[];
  /** Begins to write mailboxes by the million; `report` hears what is wrong with the row of a line. */
  importMailboxes(report: ReportLine): MailboxImporter;
}

interface Parts {
  readonly statements: Statements;
  readonly reader: Reader;
  readonly rowsOf: (noun: Noun) => ObjectRows;
}

/** One BEGIN IMMEDIATE transaction: rows, revision, who, when, before and after. All or nothing. */
export function runChange<T>(
  parts: Parts,
  meta: ChangeMeta,
  options: ChangeOptions,
  edit: (transaction: Transaction) => T,
): Change & { result: T } {
  const { database } = parts.statements;
  database.exec('BEGIN IMMEDIATE');
  try {
    const head = headRevision(parts.statements);
    refuseOtherRevision(head, options.expectRevision);
    const recorder = createRecorder(parts.statements, head + 1, meta);
    const result = edit(createTransaction(parts, recorder));
    const changed = recorder.changed();
    if (options.dryRun || changed.length === 0) database.exec('ROLLBACK');
    else database.exec('COMMIT');
    return { revision: options.dryRun ? null : changed.length === 0 ? head : head + 1, changed, result };
  } finally {
    if (database.inTransaction) database.exec('ROLLBACK');
  }
}

function refuseOtherRevision(head: number, expected: number | undefined): void {
  if (expected === undefined || expected === head) return;
  const way = 'look at what changed with "usher history", then try again';
  throw new UsherError(
    'conflict',
    'revision-conflict',
    `revision ${expected} was expected, the store is at ${head}; ${way}`,
  );
}

interface Recorder {
  readonly revision: number;
  /** What differs from before the change. */
  changed(): ObjectChange[];
  begin(): void;
  /** Takes note of a change whose row is written already. */
  tally(change: ObjectChange): void;
  record(noun: Noun, name: string, before: EstateObject | undefined, after: EstateObject | undefined): void;
}

const insertRevisionSql = 'INSERT INTO revision (revision, at, actor, command, message) VALUES (?, ?, ?, ?, ?)';
const putChangeSql = `INSERT INTO change (noun, name, revision, before, after) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (noun, name, revision) DO UPDATE SET after = excluded.after`;
const ofChangeSql = 'noun = ? AND name = ? AND revision = ?';

/** How many changes of an import are named. */
const talliedMax = 1000;

/** Keeps one row for each object, however often it is written: as it was before the change, and as it is after. */
function createRecorder(statements: Statements, revision: number, meta: ChangeMeta): Recorder {
  const changes = new Map<string, ObjectChange>();
  const tallied: ObjectChange[] = [];
  let isBegun = false;
  const begin = (): void => {
    if (!isBegun)
      statements.run(insertRevisionSql, revision, new Date().toISOString(), meta.actor, meta.command, meta.message);
    isBegun = true;
  };
  const firstBefore = (noun: Noun, key: string): EstateObject | undefined => {
    const row = statements.get(`SELECT before FROM change WHERE ${ofChangeSql}`, noun.name, key, revision);
    return typeof row?.['before'] === 'string' ? (JSON.parse(row['before']) as EstateObject) : undefined;
  };
  return {
    revision,
    begin,
    changed: () => [...changes.values(), ...tallied],
    tally(change) {
      if (tallied.length < talliedMax) tallied.push(change);
    },
    record(noun, name, before, after) {
      begin();
      const key = historyName(noun, name);
      const mapKey = `${noun.name} ${nameKey(key)}`;
      const first = changes.has(mapKey) ? firstBefore(noun, key) : before;
      if (isDeepStrictEqual(first, after)) {
        statements.run(`DELETE FROM change WHERE ${ofChangeSql}`, noun.name, key, revision);
        changes.delete(mapKey);
        return;
      }
      const text = (object: EstateObject | undefined) => (object ? JSON.stringify(object) : null);
      statements.run(putChangeSql, noun.name, key, revision, text(first), text(after));
      changes.set(mapKey, { noun: noun.name, name, change: first ? (after ? 'updated' : 'deleted') : 'created' });
    },
  };
}

/** Addresses are kept in the form in which they compare. */
function historyName(noun: Noun, name: string): string {
  return noun.nameField === 'address' ? (addressKey(name) ?? name) : name;
}

/** What the checks let through and the tables do not, such as a GUID that two mailboxes share. */
function writeRows(parts: Parts, noun: Noun, object: EstateObject): void {
  try {
    parts.rowsOf(noun).write(object);
  } catch (error) {
    if (!systemCodeOf(error)?.startsWith('SQLITE_CONSTRAINT')) throw error;
    const message = `${noun.name} "${objectName(noun, object)}" clashes with what is there: ${reasonOf(error)}`;
    throw new UsherError('conflict', 'constraint', message, [], { cause: error });
  }
}

function createTransaction(parts: Parts, recorder: Recorder): Transaction {
  return {
    ...parts.reader,
    changed: () => recorder.changed(),
    importMailboxes: (report) => createMailboxImporter(parts.statements, recorder, report),
    write(noun, object) {
      const name = objectName(noun, object);
      const before = parts.reader.find(noun, name);
      if (before && isDeepStrictEqual(before, object)) return false;
      writeRows(parts, noun, object);
      recorder.record(noun, name, before, object);
      return true;
    },
    remove(noun, name) {
      const before = parts.rowsOf(noun).read(name);
      if (!before) return false;
      parts.rowsOf(noun).remove(name);
      recorder.record(noun, objectName(noun, before), before, undefined);
      return true;
    },
    renewRouteKey() {
      const { before, after } = addRouteKey(parts.statements);
      recorder.record(catalogue.organization, 'route key', before && { ...before }, { ...after });
    },
  };
}
