import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressLiteral,
  marksHeader,
  type Reception,
  receivedHeader,
} from '../../../src/session/smtp/received-header.js';

const reception: Reception = {
  helo: 'client.example',
  clientAddress: '2001:db8::1',
  host: 'front.contoso.com',
  protocol: 'ESMTP',
  sessionId: '4711',
  atMs: Date.UTC(2026, 0, 2, 3, 4, 5),
};
const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };

describe('the Received header', () => {
  test('says from whom, by whom, how and when', () => {
    expect(receivedHeader({ ...reception, protocol: 'ESMTPS' })).toBe(
      'Received: from client.example ([IPv6:2001:db8::1])\r\n\tby front.contoso.com (usher) with ESMTPS id 4711;\r\n\tFri, 02 Jan 2026 03:04:05 +0000\r\n',
    );
  });

  test('says where it came in and how it was kept secret', () => {
    expect(receivedHeader({ ...reception, connector: 'Default Frontend', tls, isAuthenticated: true })).toBe(
      'Received: from client.example ([IPv6:2001:db8::1])\r\n\tby front.contoso.com (usher) with ESMTPSA id 4711\r\n\t(connector "Default Frontend"; TLSv1.3 TLS_AES_256_GCM_SHA384);\r\n\tFri, 02 Jan 2026 03:04:05 +0000\r\n',
    );
    expect(
      receivedHeader({ ...reception, connector: 'Door', tls: null })
        .split('\r\n')
        .slice(1, 3),
    ).toEqual(['\tby front.contoso.com (usher) with ESMTP id 4711', '\t(connector "Door");']);
  });

  test.each([
    ['SMTP', false, false, false, 'SMTP'],
    ['SMTP', true, true, false, 'SMTP'],
    ['ESMTP', false, false, false, 'ESMTP'],
    ['ESMTP', true, false, false, 'ESMTPS'],
    ['ESMTPS', false, false, false, 'ESMTPS'],
    ['ESMTP', false, true, false, 'ESMTPA'],
    ['ESMTP', true, true, false, 'ESMTPSA'],
    ['ESMTP', false, false, true, 'UTF8SMTP'],
    ['ESMTP', true, false, true, 'UTF8SMTPS'],
    ['ESMTP', false, true, true, 'UTF8SMTPA'],
    ['ESMTP', true, true, true, 'UTF8SMTPSA'],
  ] as const)('%s, TLS %s, login %s, SMTPUTF8 %s: %s', (protocol, isSecure, isAuthenticated, smtputf8, expected) => {
    const given = { ...reception, protocol, tls: isSecure ? tls : null, isAuthenticated, smtputf8 };
    expect(receivedHeader(given)).toContain(` with ${expected} id `);
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

  test.each([
    ['Büro (1) "a\\b"\r\nX: y', 'B?ro ?1? ?a?b???X: y'],
    ['x'.repeat(500), 'x'.repeat(100)],
  ])('takes from the connector %j only what means nothing', (connector, expected) => {
    expect(receivedHeader({ ...reception, connector }).split('\r\n')[2]).toBe(`\t(connector "${expected}");`);
  });

  test('names a front end without a name by its address', () => {
    expect(receivedHeader({ ...reception, host: '10.0.0.1' })).toContain('\tby [10.0.0.1] (usher)');
  });

  test('is one field in ASCII of short lines, whatever it is told', () => {
    const text = fc.string({ unit: 'binary', maxLength: 400 });
    fc.assert(
      fc.property(text, text, text, (helo, connector, cipher) => {
        const field = receivedHeader({ ...reception, helo, connector, tls: { version: cipher, cipher } });
        expect(field).toMatch(/^Received: [ -~]+\r\n(?:\t[ -~]+\r\n){3}$/);
        expect(field.split('\r\n').every((line) => line.length < 500)).toBe(true);
        expect(field.replaceAll(/[^()]/g, '')).toBe('()()()');
      }),
    );
  });
});

describe('the marks of the filters', () => {
  test.each([
    [[], ''],
    [['sender-blocked'], 'X-Usher-Filter: sender-blocked\r\n'],
    [['sender-blocked', 'spf-fail', 'spf-fail'], 'X-Usher-Filter: sender-blocked,\r\n\tspf-fail\r\n'],
    [['a b\r\nX: y', '', 'ü,'], 'X-Usher-Filter: a?b??X:?y,\r\n\tunknown,\r\n\t??\r\n'],
  ])('%j', (marks, expected) => {
    expect(marksHeader(marks)).toBe(expected);
  });

  test('are not many and not long', () => {
    const lines = marksHeader(Array.from({ length: 1000 }, (_, at) => `${at}${'x'.repeat(200)}`)).split('\r\n');
    expect([lines.length, Math.max(...lines.map((line) => line.length)) < 200]).toEqual([101, true]);
  });
});

test('address literals', () => {
  expect([addressLiteral('10.0.0.1'), addressLiteral('::1')]).toEqual(['[10.0.0.1]', '[IPv6:::1]']);
});
