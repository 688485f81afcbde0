import type { EstateObject, Mailbox, Noun } from '../topology/catalogue/catalogue.js';
import { catalogue, nouns, objectName } from '../topology/catalogue/catalogue.js';
import { defaultObject } from '../topology/default-object.js';
import type { Directory, DirectoryEntry } from '../topology/directory.js';
import type { NounName } from '../topology/fields.js';
import { addressKey } from '../topology/mail-address.js';
import { compareNames, nameKey } from '../topology/names.js';
import type { TopologyObjects } from '../topology/topology.js';
import { headRevision } from './revisions.js';
import type { Statements } from './statements.js';
import type { Reader } from './store.js';

/** The estate as it was when a revision was made. */
export interface PastEstate {
  readonly revision: number;
  readonly objects: TopologyObjects;
  readonly directory: Directory;
}

type Before = EstateObject | undefined;

/** An object from a change row; fields that were not known when it was written have their defaults. */
function objectThen(noun: Noun, text: string): EstateObject {
  const object = JSON.parse(text) as EstateObject;
  const missing = Object.entries(noun.fields).filter(([name]) => !(name in object));
  if (missing.length === 0) return object;
  const values = { ...defaultObject(noun), ...object };
  return Object.fromEntries(Object.keys(noun.fields).map((name) => [name, values[name]]));
}

/** What each object changed since a revision was then, by noun and key; undefined where it was not there. */
function undoneSince(statements: Statements, revision: number): Map<NounName, Map<string, Before>> {
  const sql = `SELECT noun, name, before, min(revision) FROM change WHERE revision > ? GROUP BY noun, name`;
  const undone = new Map<NounName, Map<string, Before>>();
  for (const row of statements.all(sql, revision)) {
    const noun = String(row['noun']) as NounName;
    const objects = undone.get(noun) ?? new Map<string, Before>();
    objects.set(
      nameKey(String(row['name'])),
      row['before'] === null ? undefined : objectThen(catalogue[noun], String(row['before'])),
    );
    undone.set(noun, objects);
  }
  return undone;
}

export function estateAtRevision(statements: Statements, reader: Reader, revision: number): PastEstate {
  const undone = undoneSince(statements, revision);
  const objects: Record<string, unknown> = {};
  for (const noun of nouns.filter((noun) => !noun.inDirectory)) {
    objects[noun.section] = sectionThen(noun, reader, undone.get(noun.name) ?? new Map());
  }
  return {
    revision,
    objects: objects as unknown as TopologyObjects,
    directory: directoryThen(statements, reader, revision),
  };
}

function sectionThen(noun: Noun, reader: Reader, undone: ReadonlyMap<string, Before>): unknown {
  if (noun.nameField === null) {
    return undone.has(noun.name) ? (undone.get(noun.name) ?? defaultObject(noun)) : reader.find(noun, noun.name);
  }
  const kept = reader.list(noun).filter((object) => !undone.has(nameKey(objectName(noun, object))));
  const restored = [...undone.values()].filter((object) => object !== undefined);
  return [...kept, ...restored].sort((a, b) => compareNames(objectName(noun, a), objectName(noun, b)));
}

/** What the directory was for the objects that were changed since, by address key and by GUID. */
interface UndoneDirectory {
  readonly head: number;
  readonly changed: ReadonlySet<string>;
  readonly byAddress: ReadonlyMap<string, DirectoryEntry>;
  readonly byGuid: ReadonlyMap<string, DirectoryEntry>;
  readonly byExtension: ReadonlyMap<string, DirectoryEntry>;
  readonly members: ReadonlyMap<string, readonly string[]>;
}

function undoneDirectory(statements: Statements, revision: number): UndoneDirectory {
  const undone = undoneSince(statements, revision);
  const byAddress = new Map<string, DirectoryEntry>();
  const byGuid = new Map<string, DirectoryEntry>();
  const byExtension = new Map<string, DirectoryEntry>();
  const members = new Map<string, readonly string[]>();
  const changed = new Set<string>();
  for (const noun of nouns.filter((noun) => noun.inDirectory)) {
    for (const [key, before] of undone.get(noun.name) ?? []) {
      changed.add(key);
      if (!before) continue;
      const entry = entryOf(noun.name, before);
      const addresses = [before['address'], ...((before['aliases'] as readonly unknown[] | undefined) ?? [])];
      for (const address of addresses) byAddress.set(addressKey(String(address)) ?? String(address), entry);
      if (entry.class === 'mailbox' && entry.guid !== null) byGuid.set(nameKey(entry.guid), entry);
      if (typeof before['extension'] === 'string') {
        byExtension.set(extensionKey(before['extension'], before['dialPlan'] as string | null), entry);
      }
      if (entry.class === 'group') members.set(key, before['members'] as readonly string[]);
    }
  }
  return { head: headRevision(statements), changed, byAddress, byGuid, byExtension, members };
}

const extensionKey = (extension: string, dialPlan: string | null): string =>
  dialPlan === null ? extension : `${extension} ${nameKey(dialPlan)}`;

/** The directory of today but for what was changed since, also while it is read: that is answered from what it was before. */
function directoryThen(statements: Statements, reader: Reader, revision: number): Directory {
  let undone = undoneDirectory(statements, revision);
  const lookUp = <T>(search: (undone: UndoneDirectory) => T): T =>
    reader.atOneMoment(() => {
      if (headRevision(statements) !== undone.head) undone = undoneDirectory(statements, revision);
      return search(undone);
    });
  const unchanged = (entry: DirectoryEntry | undefined, changed: ReadonlySet<string>) =>
    entry && changed.has(addressKey(entry.address) ?? entry.address) ? undefined : entry;
  const today = reader.directory;
  return {
    find: (key) => lookUp(({ byAddress, changed }) => byAddress.get(key) ?? unchanged(today.find(key), changed)),
    findByGuid: (guid) =>
      lookUp(({ byGuid, changed }) => byGuid.get(nameKey(guid)) ?? unchanged(today.findByGuid(guid), changed)),
    findByExtension: (extension, dialPlan) =>
      lookUp(({ byExtension, changed }) => {
        // Of the mailboxes of today one without a plan stands in for one of the plan: then neither has changed since.
        const own =
          dialPlan === undefined
            ? undefined
            : (byExtension.get(extensionKey(extension, dialPlan)) ??
              unchanged(today.findByExtension(extension, dialPlan), changed));
        return (
          own ?? byExtension.get(extensionKey(extension, null)) ?? unchanged(today.findByExtension(extension), changed)
        );
      }),
    membersOf: (key) =>
      lookUp(({ members, changed }) => members.get(key) ?? (changed.has(key) ? [] : today.membersOf(key))),
  };
}

function entryOf(noun: NounName, object: EstateObject): DirectoryEntry {
  const address = String(object['address']);
  if (noun === catalogue.contact.name) return { class: 'contact', address, target: String(object['target']) };
  if (noun === catalogue.group.name) {
    return { class: 'group', address, expansionServer: object['expansionServer'] as string | null };
  }
  const { database, guid, protocols } = object as unknown as Mailbox;
  return { class: 'mailbox', address, database, guid, protocols };
}
