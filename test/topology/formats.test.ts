import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FormatName } from '../../src/topology/formats.js';
import { formats, parseAddressSpace, parseBinding, parseSmartHost } from '../../src/topology/formats.js';
import { canonicalAddress, isAddress, parseRange, rangeHolds, rangeSize } from '../../src/topology/ranges.js';

const good: Record<FormatName, readonly string[]> = {
  name: ['A', 'Default Frontend', 'Ünïcode', '名前', '\u{1F469}\u200D\u{1F4BB}', 'x'.repeat(64)],
  address: ['ann@contoso.com', '"a b"@bücher.example'],
  domain: ['contoso.com', 'bücher.example'],
  host: ['mbx1', 'mbx1.contoso.com', '10.0.0.1', '::1', '[::1]'],
  ip: ['10.0.0.1', '2001:db8::1'],
  hostOrRange: ['mbx1', '10.0.0.0/8'],
  range: ['10.0.0.1', '10.0.0.0/8', '10.0.0.1-10.0.0.9', '::/0'],
  resolver: ['10.0.0.53', '10.0.0.53:5353', '[::1]:53'],
  binding: ['0.0.0.0:25', '[::]:25', '127.0.0.1:65535'],
  url: ['https://mail.contoso.com/owa', 'http://10.0.0.1:8080'],
  urlPath: ['/dav', '/DAV/cal.v1', '/a/...', "/~x!$&'()*+,=:@-_"],
  component: ['imap', 'owa-proxy', 'Dav files-proxy', `${'x'.repeat(64)}-proxy`],
  addressSpace: ['*', '*;1', '*.contoso.com;10', 'contoso.com', 'SMTP:contoso.com;100'],
  smartHost: ['relay', 'relay.contoso.com:2525', '[10.0.0.1]', '[::1]:25'],
  connectorTls: ['none', 'opportunistic', 'encrypt', 'verify', 'domain:mx.contoso.com'],
  guid: ['5b1c9e70-1f6e-4f0e-9a53-0c8d4f7a2b11', '5B1C9E70-1F6E-4F0E-9A53-0C8D4F7A2B11'],
  digits: ['5000', '+4930123'],
  timestamp: ['2026-12-31T00:00:00Z', '2026-12-31'],
  line: ['one line'],
  comment: ['', 'one line'],
  banner: ['220 mail.contoso.com ready'],
  variable: ['RELAY_PASSWORD', '_', 'a1', 'x'.repeat(128)],
  path: ['/etc/usher/mail.pem', 'with space'],
};

const bad: Record<FormatName, readonly string[]> = {
  name: [' A', 'A ', '\u00a0A', 'x'.repeat(65), 'x'.repeat(600)],
  address: ['ann', 'ann@', 'a b@contoso.com'],
  domain: ['con toso', 'a..b', '*.contoso.com'],
  host: ['a b', 'http://mbx1', 'mbx1:25'],
  ip: ['10.0.0', '10.0.0.256', '010.0.0.1', 'mbx1', '1'],
  hostOrRange: ['a b', '10.0.0.0/33'],
  range: ['10.0.0.9-10.0.0.1', '10.0.0.0/33', '::/129', '10.0.0.1-::1', 'all', '10.0.0.0/', '10.0.0.0/-1', '1-2-3'],
  resolver: ['dns.contoso.com', '10.0.0.53:0'],
  binding: ['25', ':25', '0.0.0.0', '0.0.0.0:0', '0.0.0.0:65536', '::25', 'localhost:25', '[10.0.0.1:25'],
  url: ['ftp://x', 'mail.contoso.com', 'javascript:alert(1)'],
  urlPath: [
    ...['dav', 'https://x/', '/a b', '/\u00fc', '/a\r\nb', '/', '//', '/a/', '/a//b', '/a?b', '/a#b', '/a;b', '/a\\b'],
    ...['/a%2fb', '/.', '/..', '/a/../b', '/a/.', '/./a'],
  ],
  component: [' imap', 'x'.repeat(71)],
  addressSpace: [
    ...['*;0', '*;101', '*;-1', '*;1.5', '*.', '**', '--', '*.*.com', '*contoso.com', 'con*oso.com', '*;', 'a b', ';5'],
    ...['contoso.com;1;2', 'X400:contoso.com', 'SMTP:', 'smtp:SMTP:contoso.com', '@contoso.com', 'contoso.com,1'],
  ],
  smartHost: ['::1', 'a b', '[mbx1]', 'relay:0', 'relay:65536', '[::1'],
  connectorTls: ['domain:', 'domain:a b', 'tls', 'None'],
  guid: ['5b1c9e70', '{5b1c9e70-1f6e-4f0e-9a53-0c8d4f7a2b11}', '5b1c9e70-1f6e-4f0e-9a53-0c8d4f7a2b1g'],
  digits: ['5 000', 'x', '+', '1'.repeat(33)],
  timestamp: ['tomorrow', '2026-13-01', '12:00'],
  line: [],
  comment: [],
  variable: ['1A', 'RELAY-PASSWORD', '$RELAY', 'A B', 'A=b', 'Ü', 'x'.repeat(129)],
  banner: ['554 no', '220', '220 ü', 'hello'],
  path: [],
};

const always = ['a\nb', 'a\r\nb', 'a\0b', '\u001b[31m', 'a\u007fb', 'a\u009bb', 'a\u0085b', '\ud800', 'x\udfff'];

describe.each(Object.keys(formats) as FormatName[])('%s', (name) => {
  test.each(good[name])('takes %j', (text) => expect(formats[name].fits(text)).toBe(true));
  test.each(bad[name])('refuses %j', (text) => expect(formats[name].fits(text)).toBe(false));
  test.each(always)('refuses %j', (text) => expect(formats[name].fits(text)).toBe(false));
  if (name !== 'comment') test('refuses nothing', () => expect(formats[name].fits('')).toBe(false));
  test('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => typeof formats[name].fits(text) === 'boolean'));
  });
});

test('bindings, address spaces and smart hosts are taken apart', () => {
  expect(parseBinding('[::]:25')).toEqual({ host: '::', port: 25 });
  expect(parseAddressSpace('*')).toEqual({ pattern: '*', cost: 1 });
  expect(parseAddressSpace(' SMTP:*.Bücher.example;10 ')).toEqual({ pattern: '*.xn--bcher-kva.example', cost: 10 });
  expect(parseSmartHost('[::1]:2525')).toEqual({ host: '::1', port: 2525 });
  expect(parseSmartHost('relay')).toEqual({ host: 'relay', port: undefined });
});

describe('address ranges', () => {
  test.each([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.1.2.3/8', '10.0.0.1', true],
    ['10.0.0.1-10.0.0.9', '10.0.0.9', true],
    ['10.0.0.1-10.0.0.9', '10.0.0.10', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', true],
    ['::/0', '10.0.0.1', false],
    ['::/0', 'fe80::1%eth0', true],
    ['0.0.0.0/0', 'nonsense', false],
  ])('%s holds %s: %s', (range, address, holds) => {
    const parsed = parseRange(range);
    expect(parsed && rangeHolds(parsed, address)).toBe(holds);
  });

  test('a network holds two to the power of what its prefix leaves', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, prefix) => {
        const range = parseRange(`${address}/${prefix}`);
        expect(range && rangeSize(range)).toBe(1n << BigInt(32 - prefix));
        expect(range && rangeHolds(range, address)).toBe(true);
      }),
    );
  });

  test('a canonical address is its own canonical form and still an address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        const canonical = canonicalAddress(address);
        expect(isAddress(canonical)).toBe(true);
        expect(canonicalAddress(canonical)).toBe(canonical);
      }),
    );
    expect(canonicalAddress('::FFFF:10.0.0.1')).toBe('10.0.0.1');
    expect(canonicalAddress('[::0]')).toBe('::');
  });
});
