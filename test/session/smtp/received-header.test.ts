import { describe, expect, test } from 'vitest';
import { addressLiteral, receivedHeader } from '../../../src/session/smtp/received-header.js';

const reception = {
  helo: 'client.example',
  clientAddress: '2001:db8::1',
  host: 'front.contoso.com',
  protocol: 'ESMTPS',
  sessionId: '4711',
  atMs: Date.UTC(2026, 0, 2, 3, 4, 5),
} as const;

describe('the Received header', () => {
  test('says from whom, by whom, how and when', () => {
    expect(receivedHeader(reception)).toBe(
      'Received: from client.example ([IPv6:2001:db8::1])\r\n\tby front.contoso.com (usher) with ESMTPS id 4711;\r\n\tFri, 02 Jan 2026 03:04:05 +0000\r\n',
    );
  });

  test.each([
    ['a b\r\nX-Evil: yes', 'a?b??X-Evil:?yes'],
    ['ü(comment);', '??comment??'],
    ['[127.0.0.1]', '[127.0.0.1]'],
    ['', 'unknown'],
    ['x'.repeat(1000), 'x'.repeat(255)],
  ])('takes from %j only what means nothing', (helo, expected) => {
    expect(receivedHeader({ ...reception, helo }).split('\r\n')[0]).toBe(
      `Received: from ${expected} ([IPv6:2001:db8::1])`,
    );
  });
});

test('address literals', () => {
  expect([addressLiteral('10.0.0.1'), addressLiteral('::1')]).toEqual(['[10.0.0.1]', '[IPv6:::1]']);
});
