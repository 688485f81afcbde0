import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readXclientAttributes } from '../../../src/protocols/smtp/xclient-attributes.js';
import { decodeXtext, isXtext } from '../../../src/protocols/smtp/xtext.js';

describe('xtext', () => {
  test.each([
    ['', ''],
    ['ann@contoso.com', 'ann@contoso.com'],
    ['a+2Bb+3Dc', 'a+b=c'],
    ['j+C3+B6rg', 'jörg'],
  ])('%j stands for %j', (text, decoded) => {
    expect(decodeXtext(text)).toBe(decoded);
  });

  test.each(['a+b', 'a=b', 'a b', '+2b', '+2', 'ö', '+0D+0A', '+00', '+7F', '+C3', '+C2+80', '+FF'])(
    '%j is refused',
    (text) => {
      expect(decodeXtext(text)).toBeUndefined();
    },
  );

  test('what is encoded is decoded', () => {
    const encode = (text: string): string =>
      Array.from(Buffer.from(text), (octet) => `+${octet.toString(16).toUpperCase().padStart(2, '0')}`).join('');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(isXtext(encode(text))).toBe(true);
        if (!/\p{Cc}/u.test(text)) expect(decodeXtext(encode(text))).toBe(text);
      }),
    );
  });
});

describe('XCLIENT', () => {
  const offered = ['NAME', 'ADDR', 'PORT', 'HELO', 'PROTO', 'LOGIN'];

  test.each([
    ['ADDR=192.0.2.7 port=4711', { ADDR: '192.0.2.7', PORT: '4711' }],
    ['ADDR=IPV6:2001:db8::1 HELO=a+20b', { ADDR: 'IPV6:2001:db8::1', HELO: 'a b' }],
    ['NAME=[UNAVAILABLE] ADDR=10.0.0.1 HELO=[tempunavail]', { ADDR: '10.0.0.1' }],
    ['NAME=[UNAVAILABLE]', {}],
  ])('%j', (text, attributes) => {
    expect(readXclientAttributes(text, offered)).toEqual(attributes);
  });

  test.each([
    '',
    'ADDR',
    'ADDR=',
    '=x',
    'ADDR=1 ADDR=2',
    'NAME=[UNAVAILABLE] NAME=x',
    'DESTADDR=10.0.0.1',
    '__PROTO__=x',
    'NAME=a+0D+0ARCPT',
    'NAME=a+b',
  ])('%j is refused', (text) => {
    expect(readXclientAttributes(text, offered)).toBeUndefined();
  });
});
