import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { autodiscoverAddress, basicUser, bearerUser, formsUser } from '../../src/routing/named-user.js';

describe('basicUser', () => {
  const encode = (bytes: string | Buffer): string => `Basic ${Buffer.from(bytes).toString('base64')}`;

  test('is what stands before the first colon, in UTF-8 or Latin-1', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string(), (user, password) => {
        fc.pre(!/[:\u0000-\u001f\u007f\ufffd]/.test(user));
        expect(basicUser(encode(`${user}:${password}`))).toBe(user);
      }),
    );
    expect(basicUser(encode(Buffer.from('m\u00fcller:x', 'latin1')))).toBe('m\u00fcller');
  });

  test.each([
    undefined,
    '',
    'Basic',
    'Basic !!!',
    'Bearer YW5uOng=',
    encode('ann'),
    encode(':x'),
    encode('a\r\nb:x'),
    encode(`${'a'.repeat(5000)}:x`),
  ])('%j names nobody', (authorization) => {
    expect(basicUser(authorization)).toBeNull();
  });
});

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (claims: unknown): string => `${part({ alg: 'none' })}.${part(claims)}.c2ln`;

describe('bearerUser', () => {
  test.each([
    [{ smtp: 'a@x.test', upn: 'b@x.test' }, 'a@x.test'],
    [{ preferred_username: 'c@x.test', unique_name: 'd@x.test', email: 'e@x.test' }, 'c@x.test'],
    [{ unique_name: 'CONTOSO\\ann', email: 'e@x.test' }, 'e@x.test'],
    [{ smtp: ['a@x.test'], upn: 42, email: 'e@x.test' }, 'e@x.test'],
    [{ upn: 'm\u00fcller@x.test' }, 'm\u00fcller@x.test'],
  ])('the claims %j name %s', (claims, user) => {
    expect(bearerUser(`Bearer ${token(claims)}`)).toBe(user);
    expect(bearerUser(`bearer   ${token(claims)} `)).toBe(user);
  });

  test.each([
    undefined,
    'Bearer ',
    'Bearer opaque-token',
    'Bearer a.b',
    `Bearer ${part({})}.bm90IGpzb24.x`,
    `Bearer ${token(null)}`,
    `Bearer ${token('ann@x.test')}`,
    `Bearer ${token(['ann@x.test'])}`,
    `Bearer ${token({ sub: 'ann@x.test' })}`,
    `Bearer ${token({ upn: 'ann' })}`,
    `Bearer ${token({ upn: '@x.test' })}`,
    `Bearer ${token({ upn: 'a\r\nb@x.test' })}`,
    `Bearer ${token({ upn: `${'a'.repeat(600)}@x.test` })}`,
    `Bearer ${token({ upn: 'ann@x.test', filler: 'x'.repeat(16_384) })}`,
    `Basic ${token({ upn: 'ann@x.test' })}`,
  ])('%j names nobody', (authorization) => {
    expect(bearerUser(authorization)).toBeNull();
  });

  test('no token makes it fail', () => {
    const pieces = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 6 }), (parts) => {
        const user = bearerUser(`Bearer ${parts.join('.')}`);
        expect(user === null || user.includes('@')).toBe(true);
      }),
    );
  });
});

describe('formsUser', () => {
  const names = new Set(['username', '_user']);
  test.each([
    ['username=ann', 'ann'],
    ['destination=https%3A%2F%2Fmail%2Fowa&flags=4&username=ann%40x.test&password=s%26username%3Dbob', 'ann@x.test'],
    ['Username=CONTOSO%5Cann', 'CONTOSO\\ann'],
    ['user%6Eame=ann+smith', 'ann smith'],
    ['_token=a&_user=+ann+&_pass=b', 'ann'],
    ['username=&_user=ann', 'ann'],
    ['username=100%&x=y', '100%'],
    ['xusername=a&usernames=b', null],
    ['password=username=ann', null],
    ['username', null],
    ['username=a%0d%0ab', null],
    [`username=${'a'.repeat(1001)}`, null],
    ['', null],
    [`${'x=&'.repeat(2000)}username=ann`, null],
  ])('%j names %j', (form, user) => {
    expect(formsUser(form, names)).toBe(user);
  });
});

describe('autodiscoverAddress', () => {
  test.each([
    ['<EMailAddress>ann@x.test</EMailAddress>', 'ann@x.test'],
    ['<r:EMailAddress xmlns:r="urn:x">\r\n  ann@x.test\r\n</r:EMailAddress>', 'ann@x.test'],
    ['<a:Mailbox>o&apos;neil&#64;x.test</a:Mailbox>', "o'neil@x.test"],
    ['<Mailbox>a&amp;lt;b&#x40;x.test</Mailbox>', 'a&lt;b@x.test'],
    ['<Mailbox>a&nbsp;&#xd800;&#1114112;@x</Mailbox>', 'a&nbsp;&#xd800;&#1114112;@x'],
    ['<LegacyDN>/o=x</LegacyDN><EMailAddress>ann@x.test</EMailAddress><Mailbox>b</Mailbox>', 'ann@x.test'],
    ['<EMailAddress></EMailAddress>', null],
    ['<EMailAddress>  </EMailAddress>', null],
    ['<EMailAddress>ann@x.test', null],
    ['<EMailAddress>a&#10;b</EMailAddress>', null],
    ['<EMailAddresses>ann@x.test</EMailAddresses>', null],
    [`<Mailbox>${'a'.repeat(3000)}</Mailbox>`, null],
    ['', null],
  ])('%j asks about %j', (body, address) => {
    expect(autodiscoverAddress(body)).toBe(address);
  });

  test('takes no longer for what is made to be slow', () => {
    const size = 65_536;
    for (const piece of ['<', '<Mailbox ', '<Mailbox>', '<a', ' ', '<Mailbox> ', '&', '<a:'.repeat(30)]) {
      const started = performance.now();
      autodiscoverAddress(piece.repeat(Math.ceil(size / piece.length)).slice(0, size));
      expect(performance.now() - started, piece).toBeLessThan(500);
    }
  });
});
