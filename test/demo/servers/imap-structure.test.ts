import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { readAddressList } from '../../../src/demo/servers/address-list.js';
import { parseSection, readSection } from '../../../src/demo/servers/imap-section.js';
import { envelopeText, structureText } from '../../../src/demo/servers/imap-structure.js';
import { readHeaderFields } from '../../../src/demo/servers/message-header.js';
import { readMimePart } from '../../../src/demo/servers/mime-part.js';
import { decodeHeaderText, readableText } from '../../../src/demo/servers/readable-text.js';

const nested = Buffer.from(
  [
    'From: "Eve, the \\"first\\"" <eve@fabrikam.com>',
    'To: ann@contoso.com (Ann), Team: bob@contoso.com, <carl@contoso.com>;',
    'Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=',
    ' and more',
    'Content-Type: multipart/mixed; boundary="x y"',
    '',
    'preamble',
    '--x y',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'Gr=C3=BC=C3=9Fe=20',
    '--x y',
    'Content-Type: message/rfc822',
    '',
    'Subject: inner',
    '',
    'inner body',
    '--x y',
    'Content-Type: application/pdf; name=a.pdf',
    'Content-Disposition: attachment; filename="a.pdf"',
    'Content-Transfer-Encoding: base64',
    '',
    'AAAA',
    '--x y--',
    'epilogue',
  ].join('\r\n'),
);

test('the structure of a nested message', () => {
  expect(structureText(readMimePart(nested), true)).toBe(
    '(("text" "plain" ("charset" "utf-8") NIL NIL "quoted-printable" 18 0 NIL NIL NIL NIL)' +
      '("message" "rfc822" NIL NIL NIL "7bit" 28 (NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL)' +
      ' ("text" "plain" NIL NIL NIL "7bit" 10 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)' +
      '("application" "pdf" ("name" "a.pdf") NIL NIL "base64" 4 NIL ("attachment" ("filename" "a.pdf")) NIL NIL)' +
      ' "mixed" ("boundary" "x y") NIL NIL NIL)',
  );
});

test('the envelope unfolds, splits addresses and fills in Sender and Reply-To', () => {
  const eve = '(("Eve, the \\"first\\"" NIL "eve" "fabrikam.com"))';
  const to = '(("Ann" NIL "ann" "contoso.com")(NIL NIL "bob" "contoso.com")(NIL NIL "carl" "contoso.com"))';
  expect(envelopeText(readHeaderFields(nested))).toBe(
    `(NIL "=?utf-8?Q?Gr=C3=BC=C3=9Fe?= and more" ${eve} ${eve} ${eve} ${to} NIL NIL NIL NIL)`,
  );
});

test.each([
  ['1', 'Gr=C3=BC=C3=9Fe=20'],
  ['2', 'Subject: inner\r\n\r\ninner body'],
  ['2.HEADER', 'Subject: inner\r\n\r\n'],
  ['2.1', 'inner body'],
  ['2.TEXT', 'inner body'],
  ['3', 'AAAA'],
  ['1.MIME', 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'],
  ['HEADER.FIELDS (subject)', 'Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n and more\r\n\r\n'],
  ['4', undefined],
  ['1.1', undefined],
  ['1.HEADER', undefined],
])('section %s', (text, expected) => {
  const section = parseSection(text);
  expect(section && readSection(nested, section)?.toString()).toBe(expected);
});

test('what people read is decoded', () => {
  expect(decodeHeaderText('=?utf-8?Q?Gr=C3=BC=C3=9Fe?=\t=?UTF-8?B?w6Q=?= x')).toBe('Grüßeä x');
  expect(decodeHeaderText('=?no-such-charset?Q?abc?=')).toBe('abc');
  expect(readableText(readMimePart(nested))).toBe('Grüße ');
});

test('any bytes have a structure, an envelope and a text', () => {
  const piece = fc.constantFrom(
    '\r\n',
    '\n',
    '--x',
    '--',
    'Content-Type: multipart/mixed; boundary=x',
    '"',
    ';',
    '<',
    '=?utf-8?q?a?=',
    ':',
    'From: ',
  );
  const raw = fc.array(fc.oneof(piece, fc.string({ maxLength: 4 }))).map((parts) => Buffer.from(parts.join('')));
  fc.assert(
    fc.property(raw, (bytes) => {
      const part = readMimePart(bytes);
      expect(structureText(part, true)).toMatch(/^\(.*\)$/s);
      expect(envelopeText(part.fields)).toMatch(/^\(.*\)$/s);
      expect(typeof readableText(part)).toBe('string');
    }),
  );
});

test('hostile headers and structures are read in little time', () => {
  const started = performance.now();
  readAddressList('"\\'.repeat(100_000));
  readAddressList('(\\'.repeat(100_000));
  decodeHeaderText('=?a?q?'.repeat(50_000));
  const open = 'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n'.repeat(50_000);
  structureText(readMimePart(Buffer.from(open)), true);
  readMimePart(Buffer.from(`Content-Type: a/b${'; x="\\'.repeat(30_000)}\r\n\r\n`));
  expect(performance.now() - started).toBeLessThan(2000);
});
