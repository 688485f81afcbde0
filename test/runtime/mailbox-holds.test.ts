import { expect, test } from 'vitest';
import { createMailboxHolds } from '../../src/runtime/mailbox-holds.js';

test('a mailbox is held until it is released, by any token that holds it', () => {
  const holds = createMailboxHolds(() => 0);
  holds.hold('one', ['Ann@Contoso.com'], 1000);
  holds.hold('one', ['bob@contoso.com'], 1000);
  holds.hold('two', ['ann@contoso.com'], 1000);
  const held = (): boolean[] =>
    ['ann@contoso.com', 'BOB@contoso.com', 'cyd@contoso.com'].map((address) => holds.isHeld(address));
  expect(held()).toStrictEqual([true, true, false]);
  holds.release('one');
  expect(held()).toStrictEqual([true, false, false]);
  holds.release('two');
  holds.release('two');
  expect(held()).toStrictEqual([false, false, false]);
});

test('a hold that nobody releases is over in time, and says so', () => {
  let now = 0;
  const holds = createMailboxHolds(() => now);
  holds.hold('one', ['ann@contoso.com'], 1000);
  now = 999;
  expect(holds.isHeld('ann@contoso.com')).toBe(true);
  expect([...holds.keysOf('one')]).toStrictEqual(['ann@contoso.com']);
  now = 1000;
  expect(holds.isHeld('ann@contoso.com')).toBe(false);
  expect(() => holds.keysOf('one')).toThrow(/no longer held/);
});

test('time, mailboxes and holds are bounded', () => {
  let now = 0;
  const holds = createMailboxHolds(() => now);
  holds.hold('long', ['ann@contoso.com'], 1e12);
  const many = Array.from({ length: 100_000 }, (_, index) => `u${index}@contoso.com`);
  expect(() => holds.hold('long', many, 1000)).toThrow(/more than 100000 mailboxes/);
  for (let index = 1; index < 100; index++) holds.hold(`t${index}`, ['bob@contoso.com'], 1000);
  expect(() => holds.hold('one more', ['bob@contoso.com'], 1000)).toThrow(/more than 100 moves/);
  now = 15 * 60_000;
  expect(holds.isHeld('ann@contoso.com')).toBe(false);
  holds.hold('one more', ['bob@contoso.com'], 1000);
  expect(holds.isHeld('bob@contoso.com')).toBe(true);
});
