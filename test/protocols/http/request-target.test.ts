import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTarget } from '../../../src/protocols/http/request-target.js';

const services = ['/owa', '/ecp', '/ews', '/rpc'];

function serviceOf(path: string): string | undefined {
  const lower = path.toLowerCase();
  return services.find((root) => lower === root || lower.startsWith(`${root}/`));
}

describe('readTarget', () => {
  test('gives the target as it came or nothing, and no other service after decoding', () => {
    const piece = constantFrom(
      ...['/', '..', '.', '%2e', '%2F', '%5c', '\\', 'owa', 'ecp', 'EWS', '?', '%25', 'x', '#', ' ', '%', '\xe9'],
    );
    const targets = array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    assert(
      property(targets, (target) => {
        const read = readTarget(target, serviceOf);
        if (read === null) return;
        expect(read.target).toBe(target);
        expect(target.startsWith('/')).toBe(true);
        const { pathname } = new URL(`http://x${read.path}`);
        for (const path of [pathname, pathname.replace(/\/+/g, '/'), decodeAll(pathname)]) {
          const resolved = serviceOf(path);
          expect(resolved === undefined || resolved === serviceOf(read.path)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['/owa/?a=//../%2e', '/owa/'],
    ['/rpc/rpcproxy.dll?mbx@contoso.com:6001', '/rpc/rpcproxy.dll'],
    ['/owa/ann@contoso.com/', '/owa/ann@contoso.com/'],
    ['/ews/%65x', '/ews/%65x'],
    ['/nothing/../here', '/nothing/../here'],
  ])('%s is %s', (target, path) => {
    expect(readTarget(target, serviceOf)).toEqual({ target, path, authority: null });
  });

  test.each([
    ['http://h/owa', '/owa', 'h'],
    ['HTTPS://h:8443?x', '/?x', 'h:8443'],
    ['http://h', '/', 'h'],
    ['http://[::1]:80/', '/', '[::1]:80'],
  ])('%s is %s at %s', (url, target, authority) => {
    expect(readTarget(url, serviceOf)).toMatchObject({ target, authority });
  });

  test.each([
    ...['http://user@h/owa', 'ftp://h/owa', '*', '', 'h:443', 'http://', 'http://h,g/', 'http://h/ecp/../owa'],
    ...[
      '/ecp/../owa',
      '/%2e%2e/owa',
      '/x/..%2fowa',
      '/x/%252e%252e/owa',
      '/ecp/%2e./owa/x',
      '//owa',
      '/./owa',
      '/x\\owa',
    ],
    ...['/%6fwa/', '/owa#x', '/owa?#', '/ow a', '/\xe9', '/\0', '/x/../%2565cp/'],
  ])('%s is refused', (target) => {
    expect(readTarget(target, serviceOf)).toBeNull();
  });
});

// A server that decodes first, as often as it can.
function decodeAll(path: string): string {
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return decoded === path ? new URL(`http://x/${path.replace(/^\/+/, '')}`).pathname : decodeAll(decoded);
}
