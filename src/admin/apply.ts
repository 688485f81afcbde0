import { UsherError } from '../errors.js';
import { invalidError } from '../estate/problem.js';
import type { EstateEntry, EstateFile } from '../estate/read-estate.js';
import { readEstate } from '../estate/read-estate.js';
import type { ChangeMeta, ChangeOptions, Transaction } from '../store/change.js';
import type { Store } from '../store/store.js';
import type { Noun } from '../topology/catalogue/catalogue.js';
import { nouns, objectName } from '../topology/catalogue/catalogue.js';
import { addressKey } from '../topology/mail-address.js';
import { nameKey } from '../topology/names.js';
import type { ChangeResult } from './change-estate.js';
import { changeEstate, filePlace } from './change-estate.js';
import { namesIn, writeGiven } from './write-object.js';

export interface ApplyRequest {
  readonly text: string;
  /** What errors call the file. */
  readonly fileName: string;
  /** Also delete what the file does not name. */
  readonly prune: boolean;
}

/** Puts an estate file onto the store in one transaction and one revision; applying it again changes nothing. */
export function applyEstate(
  store: Store,
  request: ApplyRequest,
  meta: ChangeMeta,
  options: ChangeOptions,
): ChangeResult {
  const file = readEstate(request.text, request.fileName);
  return changeEstate(
    store,
    meta,
    options,
    (transaction) => applyFile(transaction, file, request.prune),
    filePlace(file),
  );
}

/** Writes the objects of a file; every problem of the file is named, then nothing is kept. */
export function applyFile(transaction: Transaction, file: EstateFile, prune: boolean): void {
  const names = prune ? namesIn(undefined, keptEntries(transaction, file)) : namesIn(transaction, file.entries);
  const problems: string[] = [];
  if (prune) pruneUnnamed(transaction, file, true);
  for (const entry of file.entries) releaseUnique(transaction, entry);
  for (const entry of file.entries) {
    const place = (path: readonly PropertyKey[]): string => file.place([...entry.path, ...path]);
    try {
      writeGiven(transaction, entry.noun, transaction.find(entry.noun, entry.name), entry.given, place, names);
    } catch (error) {
      if (!(error instanceof UsherError)) throw error;
      problems.push(error.kind === 'invalid' ? error.message : `${place([])}: ${error.message}`);
    }
  }
  if (problems.length > 0) throw invalidError(problems);
  if (prune) pruneUnnamed(transaction, file, false);
}

/** The objects that a file names, by the names they have in the store. */
function keptEntries(transaction: Transaction, file: EstateFile): { noun: Noun; name: string }[] {
  return file.entries
    .filter(({ noun }) => !noun.inDirectory)
    .map(({ noun, name }) => ({ noun, name: objectName(noun, transaction.find(noun, name) ?? { name }) }));
}

/** Lets go of the aliases and the GUID that a mailbox loses, so that another one of the file can take them. */
function releaseUnique(transaction: Transaction, { noun, name, given }: EstateEntry): void {
  if (noun.name !== 'mailbox' || (given['aliases'] === undefined && given['guid'] === undefined)) return;
  const stored = transaction.find(noun, name);
  if (!stored) return;
  const listed = new Set(
    (Array.isArray(given['aliases']) ? given['aliases'] : []).map((alias) => addressKey(String(alias))),
  );
  const aliases = (stored['aliases'] as readonly string[]).filter(
    (alias) => given['aliases'] === undefined || listed.has(addressKey(alias)),
  );
  const guid = given['guid'] === undefined || given['guid'] === stored['guid'] ? stored['guid'] : null;
  transaction.write(noun, { ...stored, aliases, guid });
}

/** Directory objects go first, so that their addresses are free; the others last, when nothing refers to them any more. */
function pruneUnnamed(transaction: Transaction, file: EstateFile, inDirectory: boolean): void {
  const named = new Set(file.entries.map((entry) => `${entry.noun.name} ${keyOf(entry.noun, entry.name)}`));
  const affected = nouns.filter((noun) => noun.nameField !== null && noun.inDirectory === inDirectory).toReversed();
  for (const noun of affected) {
    for (const object of transaction.list(noun)) {
      const name = objectName(noun, object);
      if (!named.has(`${noun.name} ${keyOf(noun, name)}`)) transaction.remove(noun, name);
    }
  }
}

const keyOf = (noun: Noun, name: string): string =>
  noun.nameField === 'address' ? (addressKey(name) ?? name) : nameKey(name);
