import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressKey, addressLengthMax, domainKey, parseMailAddress } from '../../src/topology/mail-address.js';

describe('addresses compare', () => {
  test.each([
    ['Ann@Contoso.COM', 'ann@contoso.com'],
    ['ann@contoso.com.', 'ann@contoso.com'],
    ['"ann"@contoso.com', 'ann@contoso.com'],
    ['"a\\nn"@contoso.com', 'ann@contoso.com'],
    ['"a b"@contoso.com', '"a b"@contoso.com'],
    ['"a\\ b"@contoso.com', '"a b"@contoso.com'],
    ['"a\\"b\\\\"@contoso.com', '"a\\"b\\\\"@contoso.com'],
    ['"a@b"@contoso.com', '"a@b"@contoso.com'],
    ['"a..b"@contoso.com', '"a..b"@contoso.com'],
    ['".a"@contoso.com', '".a"@contoso.com'],
    ['""@contoso.com', '""@contoso.com'],
    ['JÖRG@contoso.com', 'jörg@contoso.com'],
    ['jo\u0308rg@contoso.com', 'jörg@contoso.com'],
    ['ann@bücher.example', 'ann@xn--bcher-kva.example'],
    ['ann@BÜCHER.example', 'ann@xn--bcher-kva.example'],
    ['ann@XN--BCHER-KVA.example', 'ann@xn--bcher-kva.example'],
    ['ann@[10.0.0.1]', 'ann@[10.0.0.1]'],
    ['ann@[IPv6:2001:DB8::1]', 'ann@[ipv6:2001:db8::1]'],
  ])('%s as %s', (address, key) => expect(addressKey(address)).toBe(key));

  test.each([
    ...[
      '',
      '@',
      'ann',
      'ann@',
      '@contoso.com',
      'ann@@contoso.com',
      'a b@contoso.com',
      '.ann@contoso.com',
      'ann.@contoso.com',
    ],
    ...[
      'a..b@contoso.com',
      'ann@contoso..com',
      'ann@-contoso.com',
      'ann@contoso.com ',
      ' ann@contoso.com',
      '"ann@contoso.com',
    ],
    ...[
      '"a"b"@contoso.com',
      'ann@con toso.com',
      'ann@[10.0.0.1',
      'ann\n@contoso.com',
      '"a\nb"@contoso.com',
      'ann@contoso.com\0',
    ],
    ...[
      '\u037e@contoso.com',
      '<ann@contoso.com>',
      'ann@contoso,com',
      '\ud800@contoso.com',
      'a\u0085n@contoso.com',
      `${'a'.repeat(316)}@contoso.com`,
    ],
  ])('%j is none', (text) => expect(addressKey(text)).toBeUndefined());

  test('a key is its own key, whatever was read', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 10 }),
      fc.string({ unit: 'binary', maxLength: 10 }),
    );
    const quoted = piece.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`);
    const domain = fc.oneof(fc.domain(), fc.constantFrom('bücher.example', 'ß.example', 'İ.example', '[::1]'), piece);
    const address = fc.tuple(fc.oneof(piece, quoted), domain).map((parts) => parts.join('@'));
    fc.assert(
      fc.property(address, (text) => {
        const key = addressKey(text);
        fc.pre(key !== undefined);
        expect(addressKey(key)).toBe(key);
        expect(Buffer.from(key).toString()).toBe(key);
      }),
      { numRuns: 400, maxSkipsPerRun: 1000 },
    );
  });
});

test('an address is cut at its last @', () => {
  expect(parseMailAddress('"a@b"@Contoso.com')).toEqual({
    local: '"a@b"',
    domain: 'contoso.com',
    key: '"a@b"@contoso.com',
  });
  expect(parseMailAddress('Ann@Contoso.com')?.local).toBe('Ann');
});

test('nothing longer than an address may be is looked at', () => {
  expect(addressKey(`"${'a'.repeat(addressLengthMax)}"@contoso.com`)).toBeUndefined();
  const start = performance.now();
  expect(addressKey(`"${'\\a'.repeat(5_000_000)}"@contoso.com`)).toBeUndefined();
  expect(performance.now() - start).toBeLessThan(1000);
});

describe('domains', () => {
  test.each([
    ['Contoso.COM', 'contoso.com'],
    ['contoso.com.', 'contoso.com'],
    ['localhost', 'localhost'],
    ['_dmarc.contoso.com', '_dmarc.contoso.com'],
    ['münchen.de', 'xn--mnchen-3ya.de'],
    ['日本.jp', 'xn--wgv71a.jp'],
    ['', undefined],
    ['.', undefined],
    ['a..b', undefined],
    ['-a.b', undefined],
    ['a b', undefined],
    ['a/b', undefined],
    ['ü/b', undefined],
    ['ü%2eb', undefined],
    ['x@ü', undefined],
    ['ü?b', undefined],
    [`${'a'.repeat(64)}.com`, undefined],
    [Array.from({ length: 60 }, () => 'ü').join('.'), undefined],
    [`${'a.'.repeat(200)}com`, undefined],
  ])('%s is %s', (domain, key) => expect(domainKey(domain)).toBe(key));
});
