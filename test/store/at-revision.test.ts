import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsherError } from '../../src/errors.js';
import type { Store } from '../../src/store/store.js';
import { openStore } from '../../src/store/store.js';
import type { Directory, DirectoryEntry } from '../../src/topology/directory.js';
import { addressKey } from '../../src/topology/mail-address.js';
import type { TopologyObjects } from '../../src/topology/topology.js';
import type { EstateDocument } from '../support/estate-arbitrary.js';
import { estateArbitrary } from '../support/estate-arbitrary.js';
import { apply, scratchStore, storePath } from '../support/scratch-store.js';

/** Every address that an estate mentions anywhere in its directory, and every GUID. */
function lookupsOf(estates: readonly EstateDocument[]): { keys: string[]; guids: string[] } {
  const objects = estates.flatMap((estate) =>
    ['mailboxes', 'groups', 'contacts'].flatMap((section) => (estate[section] ?? []) as EstateDocument[]),
  );
  const addresses = objects.flatMap((object) => [object['address'], ...((object['aliases'] ?? []) as unknown[])]);
  return {
    keys: [...new Set(addresses.map((address) => addressKey(String(address)) ?? ''))],
    guids: objects.flatMap((object) => (typeof object['guid'] === 'string' ? [object['guid']] : [])),
  };
}

type Answers = (DirectoryEntry | undefined)[];
const ask = (directory: Directory, { keys, guids }: ReturnType<typeof lookupsOf>): Answers => [
  ...keys.map((key) => directory.find(key)),
  ...guids.map((guid) => directory.findByGuid(guid)),
];

interface Remembered {
  readonly revision: number;
  readonly objects: TopologyObjects;
  readonly answers: Answers;
}

const remember = (store: Store, lookups: ReturnType<typeof lookupsOf>): Remembered => ({
  ...store.topology(),
  answers: ask(store.directory, lookups),
});

function applyOrLeave(store: Store, estate: EstateDocument, prune: boolean): void {
  try {
    apply(store, estate, prune);
  } catch (error) {
    // What two estates make together may be wrong: then the store is as it was.
    if (!(error instanceof UsherError && error.kind === 'invalid')) throw error;
  }
}

describe('an estate at an older revision', () => {
  test('is what it was, for any sequence of changes', () => {
    const change = fc.record({ estate: estateArbitrary('narrow'), prune: fc.boolean() });
    let revisions = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 2, maxLength: 6 }), (changes) => {
        const store = openStore(':memory:', { purpose: 'write' });
        const lookups = lookupsOf(changes.map(({ estate }) => estate));
        const past = [remember(store, lookups)];
        for (const { estate, prune } of changes) {
          applyOrLeave(store, estate, prune);
          past.push(remember(store, lookups));
        }
        for (const { revision, objects, answers } of past) {
          const then = store.at(revision);
          expect(then.revision).toBe(revision);
          expect(then.objects).toEqual(objects);
          expect(ask(then.directory, lookups)).toEqual(answers);
        }
        revisions += store.revision();
        store.close();
      }),
      { numRuns: 30 },
    );
    expect(revisions).toBeGreaterThan(30);
  });

  test('before the first change is the empty one with its defaults', () => {
    const store = scratchStore();
    const empty = store.topology().objects;
    apply(
      store,
      'estate: 1\norganization: {maxRecipients: 7}\nfilters: {recipients: {validate: true}}\nsites: [{name: A}]',
    );
    expect(store.at(0).objects).toEqual(empty);
    expect(store.at(0).objects.organization.maxRecipients).toBe(500);
  });

  const mailboxes = (rest: string) =>
    `estate: 1\nsites: [{name: A}]\nservers: [{name: M, site: A}]\ndatabases: [{name: DB1, copies: [M]}, {name: DB2, copies: [M]}]\n${rest}`;

  test('knows moved aliases, changed classes and mailboxes that are gone', () => {
    const store = scratchStore();
    apply(
      store,
      mailboxes(
        'mailboxes: [{address: Ann@x.com, database: DB1, aliases: [a@x.com]}, {address: bob@x.com, database: DB1}]',
      ),
    );
    apply(
      store,
      mailboxes(
        'mailboxes: [{address: ann@x.com, database: DB2, aliases: []}, {address: bob@x.com, aliases: [A@x.com]}]',
      ),
    );
    apply(store, mailboxes('contacts: [{address: ann@x.com, target: t@y.com}]\ngroups: [{address: a@x.com}]'), true);
    const found = (revision: number, key: string) => {
      const entry = store.at(revision).directory.find(key);
      return entry && `${entry.class} ${entry.address}${entry.class === 'mailbox' ? ` ${entry.database}` : ''}`;
    };
    expect([1, 2, 3].map((revision) => found(revision, 'ann@x.com'))).toEqual([
      'mailbox Ann@x.com DB1',
      'mailbox ann@x.com DB2',
      'contact ann@x.com',
    ]);
    expect([1, 2, 3].map((revision) => found(revision, 'a@x.com'))).toEqual([
      'mailbox Ann@x.com DB1',
      'mailbox bob@x.com DB1',
      'group a@x.com',
    ]);
    expect([0, 1, 2, 3].map((revision) => found(revision, 'bob@x.com'))).toEqual([
      undefined,
      'mailbox bob@x.com DB1',
      'mailbox bob@x.com DB1',
      undefined,
    ]);
  });

  test('stays what it was while others go on changing', () => {
    const path = storePath();
    const writer = scratchStore(path);
    apply(writer, mailboxes('mailboxes: [{address: ann@x.com, database: DB1}]'));
    const then = scratchStore(path, { purpose: 'read' }).at(1);
    apply(writer, mailboxes('mailboxes: [{address: ann@x.com, database: DB2, aliases: [new@x.com]}]'));
    expect(then.directory.find('ann@x.com')).toMatchObject({ database: 'DB1' });
    expect(then.directory.find('new@x.com')).toBeUndefined();
    apply(writer, mailboxes(''), true);
    expect(then.directory.find('ann@x.com')).toMatchObject({ database: 'DB1' });
  });
});
