import { array, assert, constantFrom, oneof, pre, property, string, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { serviceOfPath } from '../../../src/routing/client-protocols.js';
import { basicUser } from '../../../src/session/http/basic-user.js';
import { requestHeaders, responseHeaders } from '../../../src/session/http/forwarded-headers.js';
import { readTarget } from '../../../src/session/http/request-target.js';

describe('readTarget', () => {
  test('gives the target as it came or nothing, and no other service after decoding', () => {
    const piece = constantFrom(
      '/',
      '..',
      '.',
      '%2e',
      '%2F',
      '%5c',
      '\\',
      'owa',
      'ecp',
      'EWS',
      '?',
      '%25',
      'x',
      '#',
      ' ',
    );
    assert(
      property(array(piece, { maxLength: 12 }), (pieces) => {
        const url = pieces.join('');
        const read = readTarget(url);
        if (read === null) return;
        expect(read.target).toBe(url);
        expect(url.startsWith('/')).toBe(true);
        const { pathname } = new URL(`http://x${read.path}`);
        const resolved = serviceOfPath(pathname);
        expect(resolved === undefined || resolved === serviceOfPath(read.path)).toBe(true);
      }),
    );
  });

  test.each([
    ['http://h/owa', '/owa', 'h'],
    ['HTTPS://h:8443?x', '/?x', 'h:8443'],
    ['http://h', '/', 'h'],
  ])('%s is %s at %s', (url, target, authority) => {
    expect(readTarget(url)).toMatchObject({ target, authority });
  });

  test.each(['http://user@h/owa', 'ftp://h/owa', '*', '', 'h:443'])('%s is refused', (url) => {
    expect(readTarget(url)).toBeNull();
  });
});

describe('basicUser', () => {
  const encode = (bytes: string | Buffer): string => `Basic ${Buffer.from(bytes).toString('base64')}`;

  test('is what stands before the first colon, in UTF-8 or Latin-1', () => {
    assert(
      property(string({ unit: 'grapheme', minLength: 1 }), string(), (user, password) => {
        pre(!/[:\u0000-\u001f\u007f\ufffd]/.test(user));
        expect(basicUser(encode(`${user}:${password}`))).toBe(user);
      }),
    );
    expect(basicUser(encode(Buffer.from('jürgen:x', 'latin1')))).toBe('jürgen');
    expect(basicUser(`bAsIc   ${Buffer.from('a:b').toString('base64')}`)).toBe('a');
  });

  test.each([
    undefined,
    '',
    'Basic',
    'Basic !!!',
    'Bearer YTpi',
    encode(':x'),
    encode('no-colon'),
    encode('a\r\nb:x'),
    encode('a\0:x'),
    encode(`${'a'.repeat(5000)}:x`),
  ])('%j names nobody', (authorization) => {
    expect(basicUser(authorization)).toBeNull();
  });
});

describe('forwarded fields', () => {
  const forwarding = { requestId: 'r', host: 'h', client: { address: 'c', proto: 'http' }, isUpgrade: false } as const;

  test("of whatever kind: none that only a front end may set is the client's", () => {
    const name = oneof(
      constantFrom('X-BE', 'x_beResource', 'X-AnonResource-BEResource', 'X-BackEnd-X', 'Forwarded', 'X-Forwarded-Y'),
      constantFrom('Connection', 'TE', 'Upgrade', 'Proxy-X', 'Host', '__proto__', 'constructor', 'Cookie', 'X-Other'),
    );
    const raw = array(tuple(name, constantFrom('evil', 'x-other', 'cookie, close'))).map((pairs) => pairs.flat());
    assert(
      property(raw, (raw) => {
        const headers = requestHeaders(raw, forwarding);
        const passed = ['cookie', 'x-other', 'constructor'];
        const ours = Object.entries(headers).filter(([name]) => !passed.includes(name));
        expect(ours.map(([name]) => name).sort()).toEqual([
          'host',
          'x-forwarded-for',
          'x-forwarded-host',
          'x-forwarded-proto',
          'x-request-id',
        ]);
        expect(headers).toMatchObject({
          host: 'h',
          'x-request-id': 'r',
          'x-forwarded-for': 'c',
          'x-forwarded-proto': 'http',
          'x-forwarded-host': 'h',
        });
      }),
    );
  });

  test('Connection cannot take away what tells the length or the user', () => {
    const raw = [
      'Connection',
      'Content-Length, Authorization, X-Gone',
      'Content-Length',
      '5',
      'Authorization',
      'a',
      'X-Gone',
      '1',
    ];
    expect(requestHeaders(raw, { ...forwarding, client: null })).toEqual({
      host: 'h',
      'content-length': '5',
      authorization: 'a',
      'x-request-id': 'r',
    });
    expect(responseHeaders(raw)).toEqual(['Content-Length', '5', 'Authorization', 'a'].slice(0, 2));
  });
});
