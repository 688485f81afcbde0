import { statSync } from 'node:fs';
import type { EstateObject, Noun } from '../topology/catalogue/catalogue.js';
import { nouns } from '../topology/catalogue/catalogue.js';
import { defaultObject } from '../topology/default-object.js';
import type { Directory } from '../topology/directory.js';
import type { NounName } from '../topology/fields.js';
import type { TopologyObjects } from '../topology/topology.js';
import type { Change, ChangeMeta, ChangeOptions, Transaction } from './change.js';
import { runChange } from './change.js';
import { createDirectory } from './directory.js';
import { createDirectoryRows } from './directory-rows.js';
import type { DirectorySurvey } from './directory-survey.js';
import { surveyDirectory } from './directory-survey.js';
import type { PastEstate } from './estate-at-revision.js';
import { estateAtRevision } from './estate-at-revision.js';
import type { ObjectRows } from './object-rows.js';
import { createObjectRows } from './object-rows.js';
import type { OpenOptions } from './open-database.js';
import { openDatabase, storeError } from './open-database.js';
import type { Revision } from './revisions.js';
import { headRevision, listRevisions } from './revisions.js';
import { readRouteKeys } from './route-keys.js';
import type { Statements } from './statements.js';
import { createStatements } from './statements.js';

/** The topology store: the only way to the estate's objects. */
export interface Store extends Reader {
  readonly path: string;
  /** One transaction, one revision; nothing is written when `edit` throws or changes nothing. */
  change<T>(meta: ChangeMeta, options: ChangeOptions, edit: (transaction: Transaction) => T): Change & { result: T };
  /** Newest first. */
  history(limit?: number): Revision[];
  /** The estate as it was when a revision was made. */
  at(revision: number): PastEstate;
  /** Keys of route cookies, 32 bytes each, newest first, at most two. The newest signs, all of them verify. */
  routeKeys(): readonly Buffer[];
  /** Changes when another connection commits. */
  dataVersion(): number;
  /** Whether the file at the path is no longer the one that is open (it was replaced or removed). */
  isReplaced(): boolean;
  close(): void;
}

/** Reading the estate; within a change it sees what the change has written so far. */
export interface Reader {
  revision(): number;
  find(noun: Noun, name: string): EstateObject | undefined;
  list(noun: Noun): EstateObject[];
  /** The estate without its directory, and its revision, as of one moment. */
  topology(): { revision: number; objects: TopologyObjects };
  readonly directory: Directory;
  /** Reads several things as they are together, whatever others commit meanwhile. */
  atOneMoment<T>(read: () => T): T;
  /** How many mailboxes a database holds. */
  countMailboxes(database: string): number;
  /** How many mailboxes have their extensions in a dial plan. */
  countMailboxesInPlan(dialPlan: string): number;
  /** Addresses of the groups that a server expands. */
  groupsExpandedOn(server: string): string[];
  /** An extension that two mailboxes have in one dial plan, or for every plan, with their addresses. */
  duplicateExtension(): { extension: string; dialPlan: string | null; addresses: readonly string[] } | undefined;
  /** What of the whole directory fits nothing else; `accepted` are domains in A-labels, `isAccepted` decides on others. */
  surveyDirectory(accepted: readonly string[], isAccepted: (domain: string) => boolean): DirectorySurvey;
}

export function openStore(path: string, options: OpenOptions): Store {
  const database = openDatabase(path, options);
  const inode = inodeOf(path);
  const statements = createStatements(database);
  const rows = new Map<NounName, ObjectRows>(
    nouns.map((noun) => [noun.name, (noun.inDirectory ? createDirectoryRows : createObjectRows)(statements, noun)]),
  );
  const rowsOf = (noun: Noun): ObjectRows => rows.get(noun.name) as ObjectRows;
  const guard = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw storeError(path, error);
    }
  };
  const atOneMoment = <T>(read: () => T): T => guard(() => database.transaction(read)());
  const directory = createDirectory(statements);
  const reader: Reader = {
    atOneMoment,
    revision: () => guard(() => headRevision(statements)),
    find: (noun, name) =>
      guard(() => rowsOf(noun).read(name) ?? (noun.nameField === null ? defaultObject(noun) : undefined)),
    list: (noun) => guard(() => rowsOf(noun).list()),
    topology: () => atOneMoment(() => ({ revision: headRevision(statements), objects: readObjects(rowsOf) })),
    directory: {
      find: (key) => guard(() => directory.find(key)),
      findByGuid: (guid) => guard(() => directory.findByGuid(guid)),
      findByExtension: (extension, dialPlan) => guard(() => directory.findByExtension(extension, dialPlan)),
      membersOf: (key) => guard(() => directory.membersOf(key)),
    },
    countMailboxes: (name) =>
      guard(() => Number(statements.get('SELECT count(*) AS held FROM mailbox WHERE database = ?', name)?.['held'])),
    countMailboxesInPlan: (name) =>
      guard(() => Number(statements.get('SELECT count(*) AS held FROM mailbox WHERE dial_plan = ?', name)?.['held'])),
    groupsExpandedOn: (server) =>
      guard(() => statements.all('SELECT address FROM "group" WHERE expansion_server = ? LIMIT 20', server)).map(
        (row) => String(row['address']),
      ),
    duplicateExtension: () => guard(() => findDuplicateExtension(statements)),
    surveyDirectory: (accepted, isAccepted) => guard(() => surveyDirectory(statements, accepted, isAccepted)),
  };
  return {
    ...reader,
    path,
    change: (meta, change, edit) => guard(() => runChange({ statements, reader, rowsOf }, meta, change, edit)),
    history: (limit) => guard(() => listRevisions(statements, limit)),
    at: (revision) => atOneMoment(() => estateAtRevision(statements, reader, revision)),
    routeKeys: () => guard(() => readRouteKeys(statements)),
    dataVersion: () => guard(() => Number(database.pragma('data_version', { simple: true }))),
    isReplaced: () => inodeOf(path) !== inode,
    close: () => database.close(),
  };
}

function inodeOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && `${stat.dev}:${stat.ino}`;
}

function readObjects(rowsOf: (noun: Noun) => ObjectRows): TopologyObjects {
  const objects: Record<string, unknown> = {};
  for (const noun of nouns.filter((noun) => !noun.inDirectory)) {
    objects[noun.section] =
      noun.nameField === null ? (rowsOf(noun).read(noun.name) ?? defaultObject(noun)) : rowsOf(noun).list();
  }
  return objects as unknown as TopologyObjects;
}

const duplicateExtensionSql = `SELECT extension, dial_plan FROM mailbox WHERE extension IS NOT NULL
  GROUP BY extension, dial_plan HAVING count(*) > 1 LIMIT 1`;
const extensionHoldersSql =
  'SELECT address FROM mailbox WHERE extension = ? AND dial_plan IS ? ORDER BY address LIMIT 10';

function findDuplicateExtension(statements: Statements): ReturnType<Reader['duplicateExtension']> {
  const { extension, dial_plan: dialPlan = null } = statements.get(duplicateExtensionSql) ?? {};
  if (typeof extension !== 'string') return undefined;
  const holders = statements.all(extensionHoldersSql, extension, dialPlan);
  return {
    extension,
    dialPlan: dialPlan === null ? null : String(dialPlan),
    addresses: holders.map((row) => String(row['address'])),
  };
}
