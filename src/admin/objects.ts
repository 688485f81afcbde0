import { UsherError } from '../errors.js';
import type { ChangeMeta, ChangeOptions } from '../store/change.js';
import type { Reader, Store } from '../store/store.js';
import type { EstateObject, Noun } from '../topology/catalogue/catalogue.js';
import { objectName } from '../topology/catalogue/catalogue.js';
import { usersOf } from '../topology/check/references.js';
import { nameKey } from '../topology/names.js';
import type { ChangeResult } from './change-estate.js';
import { changeEstate } from './change-estate.js';
import { requireObject } from './read-objects.js';
import { flagPlace, namesIn, writeGiven } from './write-object.js';

export interface ObjectChangeRequest {
  readonly noun: Noun;
  readonly name: string;
  /** What the command's flags gave, in the form of the estate file. */
  readonly given: EstateObject;
}

/** Makes an object; one that is there already is a conflict, or left alone with `ifMissing`. */
export function createObject(
  store: Store,
  { noun, name, given }: ObjectChangeRequest,
  meta: ChangeMeta,
  options: ChangeOptions & { readonly ifMissing?: boolean },
): ChangeResult {
  return changeEstate(store, meta, options, (transaction) => {
    const stored = transaction.find(noun, name);
    if (stored && options.ifMissing) return;
    if (stored) {
      const way = `change it with "usher ${noun.name} update", or add --if-missing`;
      throw new UsherError('conflict', 'exists', `${noun.name} "${objectName(noun, stored)}" is there already; ${way}`);
    }
    const withName = { ...given, [noun.nameField ?? 'name']: name };
    writeGiven(transaction, noun, undefined, withName, flagPlace(noun, name), namesIn(transaction, [{ noun, name }]));
  });
}

export function updateObject(
  store: Store,
  { noun, name, given }: ObjectChangeRequest,
  meta: ChangeMeta,
  options: ChangeOptions,
): ChangeResult {
  return changeEstate(store, meta, options, (transaction) => {
    const stored = requireObject(transaction, noun, name);
    writeGiven(transaction, noun, stored, given, flagPlace(noun, name), namesIn(transaction));
  });
}

/** Deletes an object that nothing uses; what uses it is named otherwise. */
export function deleteObject(
  store: Store,
  noun: Noun,
  name: string,
  meta: ChangeMeta,
  options: ChangeOptions & { readonly ifExists?: boolean },
): ChangeResult {
  return changeEstate(store, meta, options, (transaction) => {
    if (options.ifExists && !transaction.find(noun, name)) return;
    const stored = objectName(noun, requireObject(transaction, noun, name));
    refuseUsed(transaction, noun, stored);
    transaction.remove(noun, stored);
  });
}

export function refuseUsed(reader: Reader, noun: Noun, name: string): void {
  const users = usersOf(reader.topology().objects, noun.name, name)
    .filter((user) => !(user.noun === noun && nameKey(user.name) === nameKey(name)))
    .map((user) => (user.noun.nameField === null ? user.noun.name : `${user.noun.name} "${user.name}"`));
  const mailboxes = noun.name === 'database' ? reader.countMailboxes(name) : 0;
  if (mailboxes > 0)
    users.unshift(`${mailboxes} ${mailboxes === 1 ? 'mailbox' : 'mailboxes'} (move them with "usher mailbox move")`);
  const inPlan = noun.name === 'dial-plan' ? reader.countMailboxesInPlan(name) : 0;
  if (inPlan > 0) users.unshift(`${inPlan} ${inPlan === 1 ? 'mailbox' : 'mailboxes'}`);
  if (noun.name === 'server') users.push(...reader.groupsExpandedOn(name).map((group) => `group "${group}"`));
  if (users.length === 0) return;
  const shown = users.slice(0, 10).join(', ');
  const more = users.length > 10 ? ` and ${users.length - 10} more` : '';
  throw new UsherError('conflict', 'in-use', `${noun.name} "${name}" is in use by ${shown}${more}`, users.slice(0, 10));
}
