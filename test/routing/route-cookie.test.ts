import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeRouteCookie, readRouteCookies, routeCookieNames, setCookieValue } from '../../src/routing/route-cookie.js';

const key = Buffer.alloc(32, 1);
const olderKey = Buffer.alloc(32, 2);
const strangeKey = Buffer.alloc(32, 3);
const keys = [key, olderKey];
const nowMs = 1_700_000_000_500;
const minute = 60_000;
const { session, override } = routeCookieNames;

const cookie = makeRouteCookie('ann@contoso.com', key, nowMs);
const read = (header: string | undefined, atMs = nowMs) => readRouteCookies(header, keys, atMs);
const ann = { session: 'ann@contoso.com', override: null, isRenewalDue: false };

/** A value of our form about anything, signed. */
function sign(text: string, by = key): string {
  return `${text}.${createHmac('sha256', by).update(text).digest('base64url')}`;
}

describe('a route cookie', () => {
  test('names the mailbox it was made for', () => {
    fc.assert(
      fc.property(fc.emailAddress(), fc.nat(2 ** 40), (mailbox, atMs) => {
        const header = `${override}=${makeRouteCookie(mailbox, key, atMs)}`;
        expect(readRouteCookies(header, keys, atMs)).toEqual({ session: null, override: mailbox, isRenewalDue: false });
      }),
    );
    const unicode = makeRouteCookie('m\u00fcller@b\u00fccher.example', key, nowMs);
    expect(read(`${session}=${unicode}`)?.session).toBe('m\u00fcller@b\u00fccher.example');
    expect(unicode).toMatch(/^[\w.-]+$/);
  });

  test.each([
    ['alone', `${session}=${cookie}`],
    ['among others', `a=b; ${session}=${cookie}; c=d`],
    ['without blanks', `a=b;${session}=${cookie};c=d`],
    ['beside one of a like name', `X${session}=x; ${session}=${cookie}; ${session}X=y`],
    ['beside its name in a value', `a=${session}=x; ${session}=${cookie}`],
    ['beside a forged one of the other kind', `${override}=x; ${session}=${cookie}`],
    ['signed with the key before', `${session}=${makeRouteCookie('ann@contoso.com', olderKey, nowMs)}`],
  ])('is found %s', (_where, header) => {
    expect(read(header)).toEqual(ann);
  });

  test('lasts an hour and is renewed after five minutes', () => {
    const at = (afterMs: number) => read(`${session}=${cookie}`, nowMs + afterMs);
    expect(at(4 * minute)).toEqual(ann);
    expect(at(6 * minute)).toEqual({ ...ann, isRenewalDue: true });
    expect(at(59 * minute)).toEqual({ ...ann, isRenewalDue: true });
    expect(at(60 * minute)).toBeNull();
  });

  test('both kinds are read', () => {
    const kim = makeRouteCookie('kim@contoso.com', key, nowMs - 10 * minute);
    expect(read(`${session}=${cookie}; ${override}=${kim}`)).toEqual({
      session: 'ann@contoso.com',
      override: 'kim@contoso.com',
      isRenewalDue: true,
    });
  });
});

test('of several cookies of one name the first valid one counts, among four', () => {
  const other = makeRouteCookie('kim@contoso.com', olderKey, nowMs);
  expect(read(`${session}=${cookie}; ${session}=${other}`)?.session).toBe('ann@contoso.com');
  expect(read(`${session}=forged; ${session}=${other}; ${session}=${cookie}`)?.session).toBe('kim@contoso.com');
  expect(read(`${`${session}=forged; `.repeat(4)}${session}=${cookie}`)).toBeNull();
});

describe('a cookie that names nobody', () => {
  const [version = '', expires = '', mailbox = '', signature = ''] = cookie.split('.');
  const kim = Buffer.from('kim@contoso.com').toString('base64url');
  test.each([
    ['another key', makeRouteCookie('ann@contoso.com', strangeKey, nowMs)],
    ['another mailbox', `${version}.${expires}.${kim}.${signature}`],
    ['a later end', `${version}.${(Number.parseInt(expires, 36) + 1).toString(36)}.${mailbox}.${signature}`],
    ['another version', sign(`2.${expires}.${mailbox}`)],
    ['an end that is no number', sign(`1.-1.${mailbox}`)],
    ['an end in capitals', sign(`1.${expires.toUpperCase()}.${mailbox}`)],
    ['no mailbox', sign(`1.${expires}.`)],
    ['a truncated signature', cookie.slice(0, -1)],
    ['no signature', `${version}.${expires}.${mailbox}`],
    ['an empty signature', `${version}.${expires}.${mailbox}.`],
    ['a longer signature', `${cookie}A`],
    ['quotes', `"${cookie}"`],
    ['a blank within', `${version}. ${expires}.${mailbox}.${signature}`],
    ['ten kilobytes', sign(`1.${expires}.${'A'.repeat(10_240)}`)],
    ['a server of Exchange', 'Server~MBX3.contoso.com~1942062522'],
    ['nothing', ''],
    ['several that are forged', `x; ${session}=y; ${session}=z`],
  ])('%s', (_what, value) => {
    expect(read(`${session}=${value}`)).toBeNull();
    expect(read(`a=b; ${session}=${value}; c=d`)).toBeNull();
  });

  test('any other signature', () => {
    const signed = cookie.slice(0, -43);
    fc.assert(
      fc.property(fc.stringMatching(/^[\w-]{43}$/), (forged) => {
        fc.pre(forged !== signature);
        expect(read(`${session}=${signed}${forged}`)).toBeNull();
      }),
    );
    // The last character of 43 holds two bits that no byte of the signature has.
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
      const found = read(`${session}=${cookie.slice(0, -1)}${last}`);
      expect(found).toEqual(cookie.endsWith(last) ? ann : null);
    }
  });

  test('any header at all', () => {
    const piece = fc.constantFrom(session, override, '=', ';', ' ', ',', '.', '1', cookie.slice(0, 20), '\t', '\u00fc');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        expect(read(pieces.join(''))).toBeNull();
      }),
    );
    expect(read(undefined)).toBeNull();
  });

  test('without keys', () => {
    expect(readRouteCookies(`${session}=${cookie}`, [], nowMs)).toBeNull();
  });

  test('however often it is there', () => {
    const started = performance.now();
    expect(read(`${session}=x; `.repeat(4000))).toBeNull();
    expect(read(`a${session}=`.repeat(4000))).toBeNull();
    expect(performance.now() - started).toBeLessThan(500);
  });
});

test('is set for an hour, out of reach of scripts and of other sites', () => {
  const plain = setCookieValue(session, cookie, { path: '/owa', isSecure: false });
  expect(plain).toBe(`${session}=${cookie}; Path=/owa; Max-Age=3600; HttpOnly; SameSite=Lax`);
  expect(setCookieValue(override, cookie, { path: '/', isSecure: true })).toBe(
    `${override}=${cookie}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure`,
  );
});
