import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePlain, encodePlain } from '../../../src/protocols/sasl/plain.js';

function base64(text: string, encoding: BufferEncoding = 'utf8'): string {
  return Buffer.from(text, encoding).toString('base64');
}

describe('PLAIN', () => {
  it.each([
    [
      'the example of RFC 4616 §4',
      '\0tim\0tanstaaftanstaaf',
      { authorizationId: '', user: 'tim', password: 'tanstaaftanstaaf' },
    ],
    [
      'an authorization identity',
      'Ursel\0Kurt\0xipj3plmq',
      { authorizationId: 'Ursel', user: 'Kurt', password: 'xipj3plmq' },
    ],
    ['UTF-8 and spaces', '\0jörg\0pass wörd ✓', { authorizationId: '', user: 'jörg', password: 'pass wörd ✓' }],
  ])('reads %s', (_, message, credentials) => {
    expect(decodePlain(base64(message))).toEqual({ kind: 'credentials', credentials });
  });

  it.each([
    ['nothing', '', 'The SASL response does not have three parts.'],
    ['two parts', base64('ann\0secret'), 'The SASL response does not have three parts.'],
    ['four parts', base64('\0ann\0secret\0'), 'The SASL response does not have three parts.'],
    ['an empty user', base64('\0\0secret'), 'The user name is empty.'],
    ['an empty password', base64('\0ann\0'), 'The password is empty.'],
    ['a line break in the user', base64('\0ann\r\nbob\0secret'), 'The user name has control characters.'],
    ['a tab in the authorization identity', base64('a\tb\0ann\0secret'), 'The user name has control characters.'],
    ['a line break in the password', base64('\0ann\0sec\nret'), 'The password has control characters.'],
    ['bytes that are no UTF-8', base64('\0ann\0se\xffcret', 'latin1'), 'The SASL response is not UTF-8.'],
    ['letters outside base64', 'AGFubgBz*WNyZXQ=', 'The SASL response is not valid base64.'],
    ['the URL alphabet', '_-==', 'The SASL response is not valid base64.'],
    ['missing padding', 'AGFubgBzZWNyZXQ', 'The SASL response is not valid base64.'],
    ['padding in the middle', 'AGE=AGI=', 'The SASL response is not valid base64.'],
    ['bits behind the end', 'AGFubgBzZWNyZXR=', 'The SASL response is not valid base64.'],
    ['a space', 'AGFu bgBzZWNyZXQ', 'The SASL response is not valid base64.'],
  ])('refuses %s', (_, encoded, reason) => {
    expect(decodePlain(encoded)).toEqual({ kind: 'malformed', reason });
  });

  it('reads what it writes', () => {
    const word = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/[\u0000-\u001f\u007f]/.test(text));
    fc.assert(
      fc.property(fc.record({ user: word, authorizationId: word, password: word }), (credentials) => {
        expect(decodePlain(encodePlain(credentials))).toEqual({ kind: 'credentials', credentials });
      }),
    );
  });

  it('takes any text without throwing', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String(),
          fc.string({ unit: 'binary' }).map((text) => base64(text)),
        ),
        (text) => {
          expect(decodePlain(text).kind).toMatch(/credentials|malformed/);
        },
      ),
    );
  });
});
