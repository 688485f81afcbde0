import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isInternalRelay, outsideAddress } from '../../src/filtering/outside-address.js';
import { receivedAddress } from '../../src/filtering/received-address.js';
import { isAddress } from '../../src/topology/ranges.js';

describe('the address of the client in a Received field', () => {
  test.each([
    [
      'Postfix',
      'from mail.x.test (host.x.test [192.0.2.1]) by mx.contoso.com (Postfix) with ESMTP id 1; date',
      '192.0.2.1',
    ],
    ['Postfix, IPv6', 'from x (host [IPv6:2001:db8::1]) by mx with ESMTPS', '2001:db8::1'],
    ['Postfix, a literal as name', 'from [10.9.9.9] (unknown [192.0.2.1]) by mx', '192.0.2.1'],
    [
      'ourselves',
      'from x ([192.0.2.1]) by front (usher) with ESMTPSA id 1 (connector "Default [Frontend]")',
      '192.0.2.1',
    ],
    [
      'Sendmail',
      'from x (IDENT:joe@host.x.test [192.0.2.1] (may be forged)) by mx (8.15.2/8.15.2) with SMTP',
      '192.0.2.1',
    ],
    ['Sendmail, ident that lies', 'from x (IDENT:[10.9.9.9]@host.x.test [192.0.2.1]) by mx', '192.0.2.1'],
    ['Exim, a literal only', 'from [192.0.2.1] (port=4242 helo=x.test) by mx with esmtp (Exim 4.96)', '192.0.2.1'],
    ['Exim, a port', 'from [192.0.2.1]:4242 (helo=x.test) by mx', '192.0.2.1'],
    ['Exim, a name', 'from host.x.test ([192.0.2.1] helo=[10.9.9.9]) by mx', '192.0.2.1'],
    ['Exim, IPv6', 'from host.x.test ([2001:db8::1] helo=x) by mx', '2001:db8::1'],
    [
      'Exchange',
      'from MBX1.contoso.com (192.0.2.1) by CAS1.contoso.com (10.0.0.5) with Microsoft SMTP Server',
      '192.0.2.1',
    ],
    ['Exchange, IPv6', 'from a (2001:db8::1) by b (2001:db8::2) with Microsoft SMTP Server', '2001:db8::1'],
    ['qmail', 'from unknown (HELO 10.9.9.9) (192.0.2.1)   by 0 with SMTP; date', '192.0.2.1'],
    ['Yahoo', 'from 10.9.9.9  (EHLO mail.x.test) (192.0.2.1)   by mta.yahoo.test', '192.0.2.1'],
    ['a v4-mapped address', 'from x ([::ffff:192.0.2.1]) by y', '::ffff:192.0.2.1'],
    ['a bare literal', 'from [IPv6:2001:db8::1] by y', '2001:db8::1'],
    ['a bare address', 'from 192.0.2.1 by y', '192.0.2.1'],
    ['folds and tabs', 'from x\t([192.0.2.1])\t by y', '192.0.2.1'],
    ['upper case', 'FROM x ([192.0.2.1]) BY y ([10.0.0.9])', '192.0.2.1'],
    ['a nested comment', 'from x (a (b [192.0.2.1]) c) by y', '192.0.2.1'],
    ['an escaped parenthesis', 'from x (a\\) [192.0.2.1]) by y ([10.0.0.9])', '192.0.2.1'],
    ['no from', 'by y ([10.0.0.9]) with LMTP', undefined],
    ['no address', 'from x (y) by z ([10.0.0.9])', undefined],
    ['no end of the comment', 'from x ([192.0.2.1]', '192.0.2.1'],
    ['numbers that are none', 'from x ([999.1.1.1]) by y', undefined],
    ['a version', 'from x (v1.2.3.4.5) by y', undefined],
    ['nothing', '', undefined],
  ])('%s', (_what, field, expected) => {
    expect(receivedAddress(field)).toBe(expected);
  });

  test('is one whatever stands there, and is looked for in bounded time', () => {
    const piece = fc.constantFrom(
      'from',
      ' ',
      '(',
      ')',
      '[',
      ']',
      '192.0.2.1',
      'IPv6:',
      '::1',
      'by',
      'helo=',
      '\\',
      '\t',
      'x',
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.array(piece, { maxLength: 60 })), (given) => {
        const found = receivedAddress(typeof given === 'string' ? `from ${given}` : `from ${given.join('')}`);
        expect(found === undefined || isAddress(found)).toBe(true);
      }),
      { numRuns: 2000 },
    );
    const startedMs = performance.now();
    for (const text of ['(', '((((helo= ', '[', '[1.', ' by', '\\']) receivedAddress(`from ${text.repeat(200_000)}`);
    expect(performance.now() - startedMs).toBeLessThan(500);
  });
});

describe('where a message came in from outside', () => {
  const internal = ['10.0.0.0/8', '2001:db8::/32'];
  const fields = (...addresses: readonly string[]) => [
    { name: 'Subject', value: 'from [198.51.100.1]' },
    ...addresses.map((address) => ({
      name: 'received',
      value: address === '' ? 'by x' : `from x ([${address}]) by y`,
    })),
  ];

  test.each([
    [['10.0.0.1', '192.0.2.1', '198.51.100.9'], '192.0.2.1'],
    [['192.0.2.1', '10.0.0.1'], '192.0.2.1'],
    [['', '127.0.0.1', '10.0.0.1', '192.0.2.1'], '192.0.2.1'],
    [['IPv6:2001:db8::9', 'IPv6:::1', 'IPv6:2001:db9::9'], '2001:db9::9'],
    [['10.0.0.1', '10.0.0.2'], undefined],
    [[], undefined],
  ])('%j: %s', (addresses, expected) => {
    expect(outsideAddress(fields(...addresses), internal)).toBe(expected);
  });

  test('a relay is ours when a range holds its address', () => {
    expect(isInternalRelay(internal, '10.200.0.1')).toBe(true);
    expect(isInternalRelay(internal, '11.0.0.1')).toBe(false);
    expect(isInternalRelay(internal, 'no address')).toBe(false);
    expect(isInternalRelay([], '10.200.0.1')).toBe(false);
  });
});
