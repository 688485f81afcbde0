import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseMechanism, type MechanismChoice } from '../../../src/protocols/sasl/client-mechanisms.js';
import type { LoginCredentials } from '../../../src/protocols/sasl/login-credentials.js';
import { decodePlain } from '../../../src/protocols/sasl/plain.js';

const password = { kind: 'password', user: 'ann', password: 'secret', authorizationId: '' } as const;
const token = {
  kind: 'token',
  mechanism: 'XOAUTH2',
  user: 'ann',
  message: 'user=ann\u0001auth=Bearer t\u0001\u0001',
} as const;
const plainOf = (base64: string | null): string => Buffer.from(base64 ?? '', 'base64').toString();

function exchangeOf(choice: MechanismChoice) {
  if (choice.kind !== 'chosen') throw new Error(choice.reason);
  return choice.exchange;
}

describe('the mechanism', () => {
  test.each<[LoginCredentials, string[], string | null, string]>([
    [password, ['LOGIN', 'PLAIN'], null, 'PLAIN'],
    [password, ['CRAM-MD5', 'LOGIN'], null, 'LOGIN'],
    [password, ['LOGIN', 'PLAIN'], 'login', 'LOGIN'],
    [{ ...password, authorizationId: 'ann' }, ['LOGIN'], null, 'LOGIN'],
    [token, ['PLAIN', 'OAUTHBEARER', 'XOAUTH2'], null, 'XOAUTH2'],
    [{ ...token, mechanism: 'OAUTHBEARER' }, ['XOAUTH2', 'OAUTHBEARER'], 'OAuthBearer', 'OAUTHBEARER'],
  ])('for %j of %j with %j is %s', (credentials, offered, demanded, mechanism) => {
    expect(exchangeOf(chooseMechanism(credentials, offered, demanded)).mechanism).toBe(mechanism);
  });

  test.each<[LoginCredentials, string[], string | null, string]>([
    [password, [], null, 'does not offer AUTH PLAIN or LOGIN'],
    [password, ['LOGIN'], 'PLAIN', 'does not offer AUTH PLAIN'],
    [password, ['XOAUTH2'], 'XOAUTH2', 'do not fit'],
    [{ ...password, authorizationId: 'bob' }, ['LOGIN'], null, 'does not offer AUTH PLAIN'],
    [{ ...password, authorizationId: 'bob' }, ['LOGIN'], 'LOGIN', 'do not fit'],
    [{ ...password, password: '' }, ['PLAIN'], null, 'empty'],
    [{ ...password, password: 'a\0b' }, ['PLAIN'], null, 'control characters'],
    [{ ...password, user: 'a\r\nb' }, ['LOGIN'], null, 'control characters'],
    [{ ...password, password: 'x'.repeat(10_000) }, ['PLAIN'], null, 'too long'],
    [token, ['PLAIN', 'OAUTHBEARER'], null, 'does not offer AUTH XOAUTH2'],
    [token, ['XOAUTH2'], 'PLAIN', 'do not fit'],
    [{ ...token, message: '' }, ['XOAUTH2'], null, 'empty'],
    [{ ...token, message: 'x'.repeat(10_000) }, ['XOAUTH2'], null, 'too long'],
  ])('for %j of %j with %j is none', (credentials, offered, demanded, words) => {
    const choice = chooseMechanism(credentials, offered, demanded);
    expect(choice).toMatchObject({ kind: 'unusable', reason: expect.stringContaining(words) as string });
    expect(JSON.stringify(choice)).not.toContain('secret');
  });
});

describe('the exchange', () => {
  test('of PLAIN: with the command, or after an empty challenge', () => {
    const early = exchangeOf(chooseMechanism(password, ['PLAIN'], null));
    expect(plainOf(early.takeInitial())).toBe('\0ann\0secret');
    expect([early.takeInitial(), early.answer(), early.initialLength]).toEqual([null, null, null]);
    const late = exchangeOf(chooseMechanism(password, ['PLAIN'], null));
    expect(plainOf(late.answer())).toBe('\0ann\0secret');
    expect([late.takeInitial(), late.answer()]).toEqual([null, null]);
  });

  test('of LOGIN: the server speaks first, and two answers are all', () => {
    const exchange = exchangeOf(chooseMechanism(password, ['LOGIN'], null));
    expect([exchange.initialLength, exchange.takeInitial()]).toEqual([null, null]);
    expect([exchange.answer(), exchange.answer(), exchange.answer()].map(plainOf)).toEqual(['ann', 'secret', '']);
    expect(exchange.answer()).toBeNull();
  });

  test('of XOAUTH2: the error challenge gets an empty answer', () => {
    const exchange = exchangeOf(chooseMechanism(token, ['XOAUTH2'], null));
    expect(plainOf(exchange.takeInitial())).toBe(token.message);
    expect([exchange.answer(), exchange.answer()]).toEqual(['', null]);
  });
});

test('a server that reads PLAIN learns what was given', () => {
  const word = fc
    .string({ minLength: 1, unit: 'grapheme', maxLength: 40 })
    .filter((text) => !/[\u0000-\u001f\u007f]/.test(text) && !/\p{Surrogate}/u.test(text));
  fc.assert(
    fc.property(word, word, fc.oneof(fc.constant(''), word), (user, secret, authorizationId) => {
      const credentials = { kind: 'password', user, password: secret, authorizationId } as const;
      const read = decodePlain(exchangeOf(chooseMechanism(credentials, ['PLAIN'], null)).takeInitial() ?? '');
      expect(read).toEqual({ kind: 'credentials', credentials: { user, password: secret, authorizationId } });
    }),
  );
});
