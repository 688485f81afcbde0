import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/store.js';
import { catalogue } from '../../src/topology/catalogue/catalogue.js';
import { addressKey } from '../../src/topology/mail-address.js';
import type { EstateDocument } from '../support/estate-arbitrary.js';
import { estateArbitrary } from '../support/estate-arbitrary.js';
import { apply, scratchStore } from '../support/scratch-store.js';

const guid = '5b1c9e70-1f6e-4f0e-9a53-0c8d4f7a2b11';
const estate = {
  estate: 1,
  sites: [{ name: 'A' }],
  servers: [{ name: 'MBX1', site: 'A' }],
  databases: [{ name: 'DB1', copies: ['MBX1'] }],
  mailboxes: [
    {
      address: 'Ann@Contoso.com',
      aliases: ['"ann b"@contoso.com', 'jörg@bücher.example'],
      database: 'DB1',
      guid,
      protocols: { imap: false },
    },
    { address: '"o.neil"@contoso.com', database: 'db1' },
  ],
  groups: [{ address: 'all@contoso.com', members: ['x@y.com', 'x@y.com', 'X@y.com'], expansionServer: 'MBX1' }],
  contacts: [{ address: 'ext@contoso.com', target: 'Ext@Fabrikam.com' }],
};

const ann = { class: 'mailbox', address: 'Ann@Contoso.com', database: 'DB1', guid, protocols: { imap: false } };

function filled(): ReturnType<typeof scratchStore> {
  const store = scratchStore();
  apply(store, estate);
  return store;
}

describe('an address is found', () => {
  test.each([
    ['ann@contoso.com', ann],
    ['ANN@CONTOSO.COM', ann],
    ['ann@contoso.com.', ann],
    ['"ann"@contoso.com', ann],
    ['"Ann B"@contoso.com', ann],
    ['"ann\\ b"@contoso.com', ann],
    ['JÖRG@xn--bcher-kva.example', ann],
    ['jo\u0308rg@BÜCHER.example', ann],
    [
      'o.neil@contoso.com',
      { class: 'mailbox', address: '"o.neil"@contoso.com', database: 'DB1', guid: null, protocols: {} },
    ],
    ['All@contoso.com', { class: 'group', address: 'all@contoso.com', expansionServer: 'MBX1' }],
    ['ext@contoso.com', { class: 'contact', address: 'ext@contoso.com', target: 'Ext@Fabrikam.com' }],
    ['nobody@contoso.com', undefined],
    ['ann@sub.contoso.com', undefined],
    ['x@y.com', undefined],
    ['%@contoso.com', undefined],
  ])('%s', (address, entry) => expect(filled().directory.find(addressKey(address) ?? address)).toEqual(entry));

  test('and what is no key is not', () => {
    const { directory } = filled();
    for (const key of ['', '\0', "' OR 1=1 --", 'Ann@Contoso.com', '\ud800@contoso.com'])
      expect(directory.find(key)).toBeUndefined();
  });
});

test('a mailbox is found by its GUID without regard to case', () => {
  const { directory } = filled();
  expect(directory.findByGuid(guid)).toEqual(ann);
  expect(directory.findByGuid(guid.toUpperCase())).toEqual(ann);
  expect(directory.findByGuid('00000000-0000-0000-0000-000000000000')).toBeUndefined();
  expect(directory.findByGuid('')).toBeUndefined();
});

test('objects are found by their first address only, and keep the order of their aliases and members', () => {
  const store = filled();
  expect(store.find(catalogue.mailbox, '"ann b"@contoso.com')).toBeUndefined();
  expect(store.find(catalogue.mailbox, 'ext@contoso.com')).toBeUndefined();
  expect(store.find(catalogue.mailbox, 'not an address')).toBeUndefined();
  expect(store.find(catalogue.mailbox, 'ANN@contoso.com')).toMatchObject({
    aliases: ['"ann b"@contoso.com', 'jörg@bücher.example'],
  });
  expect(store.find(catalogue.group, 'all@contoso.com')).toMatchObject({ members: ['x@y.com', 'x@y.com', 'X@y.com'] });
});

test('an address that an object gives up is free, and one that goes takes its aliases along', () => {
  const store = filled();
  apply(store, { estate: 1, mailboxes: [{ address: 'ann@contoso.com', aliases: ['new@contoso.com'] }] });
  expect(store.directory.find('new@contoso.com')).toMatchObject({ address: 'ann@contoso.com' });
  expect(store.directory.find('"ann b"@contoso.com')).toBeUndefined();
  const { mailboxes, ...rest } = estate;
  apply(store, { ...rest, mailboxes: mailboxes.slice(1) }, true);
  for (const key of ['ann@contoso.com', 'new@contoso.com']) expect(store.directory.find(key)).toBeUndefined();
  expect(store.directory.findByGuid(guid)).toBeUndefined();
});

test('counts and expansion servers, without regard to case', () => {
  const store = filled();
  expect(store.countMailboxes('db1')).toBe(2);
  expect(store.countMailboxes('DB2')).toBe(0);
  expect(store.groupsExpandedOn('mbx1')).toEqual(['all@contoso.com']);
  expect(store.duplicateExtension()).toBeUndefined();
});

test('every address of any estate leads to its object, and no other does', () => {
  const entries = (estate: EstateDocument, section: string) =>
    estate[section] as readonly { address: string; aliases?: string[]; guid?: string | null }[];
  fc.assert(
    fc.property(estateArbitrary(), (estate) => {
      const store = openStore(':memory:', { purpose: 'write' });
      apply(store, estate);
      for (const [section, kind] of [
        ['mailboxes', 'mailbox'],
        ['groups', 'group'],
        ['contacts', 'contact'],
      ] as const) {
        for (const { address, aliases = [], guid = null } of entries(estate, section)) {
          for (const name of [address, ...aliases]) {
            expect(store.directory.find(addressKey(name) ?? '')).toMatchObject({ class: kind, address });
            expect(store.directory.find(`x${addressKey(name)}`)).toBeUndefined();
          }
          if (guid !== null) expect(store.directory.findByGuid(guid.toUpperCase())).toMatchObject({ address, guid });
        }
      }
      store.close();
    }),
    { numRuns: 30 },
  );
});
