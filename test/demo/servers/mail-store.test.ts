import { expect, test } from 'vitest';

import { createMailStore } from '../../../src/demo/servers/mail-store.js';

const limits = { messageBytesMax: 100, mailboxBytesMax: 250, mailboxMessagesMax: 3 };

test('whoever opens a mailbox of a database sees the same messages', () => {
  const store = createMailStore();
  store.open('DB1', 'ann@contoso.com').append(Buffer.from('one'), { flags: ['\\Seen'] });
  const seen = store.open('db1', 'ANN@contoso.com').messages;
  expect(seen.map(({ uid, raw }) => [uid, raw.toString()])).toEqual([[1, 'one']]);
  expect(seen[0]?.flags).toEqual(new Set(['\\Seen']));
  expect(store.addressesIn('DB1')).toEqual(['ann@contoso.com']);
});

test('a mailbox moves between databases with its mail', () => {
  const store = createMailStore();
  store.open('DB1', 'ann@contoso.com').append(Buffer.from('one'));
  expect(store.open('DB2', 'ann@contoso.com').messages).toHaveLength(1);
  expect(store.addressesIn('DB1')).toEqual([]);
  expect(store.addressesIn('DB2')).toEqual(['ann@contoso.com']);
});

test('a message, a mailbox by bytes and a mailbox by count have limits', () => {
  const byBytes = createMailStore(limits).open('DB1', 'ann@contoso.com');
  expect(byBytes.append(Buffer.alloc(101)).kind).toBe('message-too-large');
  expect(byBytes.append(Buffer.alloc(100)).kind).toBe('stored');
  expect(byBytes.append(Buffer.alloc(100)).kind).toBe('stored');
  expect(byBytes.append(Buffer.alloc(51)).kind).toBe('mailbox-full');
  expect(byBytes.append(Buffer.alloc(50)).kind).toBe('stored');
  const byCount = createMailStore(limits).open('DB1', 'bob@contoso.com');
  const kinds = [1, 2, 3, 4].map(() => byCount.append(Buffer.alloc(1)).kind);
  expect(kinds).toEqual(['stored', 'stored', 'stored', 'mailbox-full']);
});

test('removing makes room and never gives a UID twice', () => {
  const mailbox = createMailStore(limits).open('DB1', 'ann@contoso.com');
  for (let count = 0; count < 3; count += 1) mailbox.append(Buffer.alloc(1));
  mailbox.remove(new Set([3]));
  const outcome = mailbox.append(Buffer.alloc(1));
  expect(outcome).toMatchObject({ kind: 'stored', message: { uid: 4 } });
  expect(mailbox.messages.map(({ uid }) => uid)).toEqual([1, 2, 4]);
});

test('watchers hear of every change until they stop', () => {
  const mailbox = createMailStore().open('DB1', 'ann@contoso.com');
  let changes = 0;
  const unwatch = mailbox.watch(() => {
    changes += 1;
  });
  mailbox.append(Buffer.from('one'));
  mailbox.setFlags(1, ['\\Seen']);
  mailbox.remove(new Set([1]));
  unwatch();
  mailbox.append(Buffer.from('two'));
  expect(changes).toBe(3);
});
