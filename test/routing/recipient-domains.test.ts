import { describe, expect, test } from 'vitest';
import { refusedDomain } from '../../src/routing/recipient-domains.js';

describe('the domain of a recipient', () => {
  test.each([
    ['contoso.com', null, null],
    ['x.test', '5.1.4', null],
    ['deep.x.test', '5.1.4', null],
    ['x.example', '5.1.4', null],
    ['x.invalid', '5.1.4', null],
    ['x.localhost', '5.1.4', null],
    ['localhost', '5.1.4', '5.1.6'],
    ['example.com', '5.1.5', null],
    ['mail.example.org', '5.1.5', null],
    ['example.net', '5.1.5', null],
    ['notexample.com', null, null],
    ['example.de', null, null],
    ['test.com', null, null],
    ['latest', null, '5.1.6'],
    ['intranet', null, '5.1.6'],
    ['[10.0.0.1]', null, null],
    ['[ipv6:2001:db8::1]', null, null],
  ])('%s: reserved %s, single label %s', (domain, reserved, single) => {
    const refused = (rejectReservedDomains: boolean, rejectSingleLabelDomains: boolean) =>
      refusedDomain({ rejectReservedDomains, rejectSingleLabelDomains }, domain)?.enhanced ?? null;
    expect(refused(true, false)).toBe(reserved);
    expect(refused(false, true)).toBe(single);
    expect(refused(true, true)).toBe(reserved ?? single);
    expect(refused(false, false)).toBeNull();
  });
});
