import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createProxyHeaderReader, headerLengthMax, type ProxyHeaderResult } from '../../src/net/proxy-header.js';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

function v2(versionAndCommand: number, family: number, payload: Buffer, length = payload.length): Buffer {
  const fixed = Buffer.from([versionAndCommand, family, length >> 8, length & 255]);
  return Buffer.concat([signature, fixed, payload]);
}

const tcp4 = Buffer.from([192, 0, 2, 1, 198, 51, 100, 7, 0x30, 0x39, 0, 25]);
const tcp6 = Buffer.from(`20010db8${'00'.repeat(11)}01${'00'.repeat(15)}01303900 19`.replaceAll(' ', ''), 'hex');
const tlv = Buffer.from([4, 0, 2, 9, 9]);

const good: readonly [string, Buffer, string | null][] = [
  ['v1 over IPv4', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.7 12345 25\r\n'), '192.0.2.1 12345 198.51.100.7 25'],
  ['v1 over IPv6', Buffer.from('PROXY TCP6 2001:DB8:0::1 ::1 0 65535\r\n'), '2001:db8::1 0 ::1 65535'],
  ['v1 unknown', Buffer.from('PROXY UNKNOWN\r\n'), null],
  ['v1 unknown with more', Buffer.from('PROXY UNKNOWN ffff:: ffff:: 65535 65535\r\n'), null],
  ['v2 over IPv4', v2(0x21, 0x11, tcp4), '192.0.2.1 12345 198.51.100.7 25'],
  ['v2 over IPv4 with TLVs', v2(0x21, 0x11, Buffer.concat([tcp4, tlv])), '192.0.2.1 12345 198.51.100.7 25'],
  ['v2 over IPv6', v2(0x21, 0x21, tcp6), '2001:db8::1 12345 ::1 25'],
  ['v2 local', v2(0x20, 0x11, tcp4), null],
  ['v2 unspecified', v2(0x21, 0x00, Buffer.alloc(0)), null],
  ['v2 as long as may be', v2(0x21, 0x11, Buffer.concat([tcp4, Buffer.alloc(524)])), '192.0.2.1 12345 198.51.100.7 25'],
];

const bad: readonly [string, Buffer][] = [
  ['no header', Buffer.from('EHLO client\r\n')],
  ['lower case', Buffer.from('proxy TCP4')],
  ['bare line feed', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.7 1 2\n')],
  ['address of the other family', Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n')],
  ['leading zero in an address', Buffer.from('PROXY TCP4 192.0.02.1 198.51.100.7 1 2\r\n')],
  ['zone of an address', Buffer.from('PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n')],
  ['leading zero in a port', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.7 01 2\r\n')],
  ['port too high', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.7 1 65536\r\n')],
  ['two spaces', Buffer.from('PROXY TCP4  192.0.2.1 198.51.100.7 1 2\r\n')],
  ['a word too many', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.7 1 2 3\r\n')],
  ['a word too few', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.7 1\r\n')],
  ['no end within 107 bytes', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(100)}`)],
  ['v2 of version 1', v2(0x11, 0x11, tcp4)],
  ['v2 with an unknown command', v2(0x22, 0x11, tcp4)],
  ['v2 over UDP', v2(0x21, 0x12, tcp4)],
  ['v2 of an unknown family', v2(0x21, 0x41, tcp4)],
  ['v2 too short for its addresses', v2(0x21, 0x11, tcp4.subarray(0, 11))],
  ['v2 too short for IPv6', v2(0x21, 0x21, tcp4)],
  ['v2 longer than its bound', v2(0x21, 0x11, tcp4, 537)],
];

/** Feeds chunks until the reader has decided; what the reader did not get is added to the rest. */
function feed(chunks: readonly Buffer[]): ProxyHeaderResult {
  const reader = createProxyHeaderReader();
  for (const [index, chunk] of chunks.entries()) {
    const result = reader.push(chunk);
    expect(reader.held).toBeLessThanOrEqual(headerLengthMax);
    if (result.kind === 'done') return { ...result, rest: Buffer.concat([result.rest, ...chunks.slice(index + 1)]) };
    if (result.kind === 'bad') return result;
  }
  return { kind: 'more' };
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

describe('a PROXY header', () => {
  test.each(good)('%s is read', (_name, header, expected) => {
    const result = feed([Buffer.concat([header, Buffer.from('EHLO x\r\n')])]);
    if (result.kind !== 'done') throw new Error(`came out as ${JSON.stringify(result)}`);
    const { source, destination } = result;
    const said = source && destination && `${source.address} ${source.port} ${destination.address} ${destination.port}`;
    expect(said).toBe(expected);
    expect(result.rest.toString()).toBe('EHLO x\r\n');
  });

  test.each(bad)('%s is refused', (_name, bytes) => {
    expect(feed([bytes]).kind).toBe('bad');
  });

  test.each(good)('%s wants more until its last byte', (_name, header) => {
    expect(feed([header.subarray(0, -1)])).toEqual({ kind: 'more' });
  });

  test('any chunking gives the same result', () => {
    const headers = fc.constantFrom(...good.map(([, header]) => header), ...bad.map(([, bytes]) => bytes));
    fc.assert(
      fc.property(
        headers,
        fc.uint8Array({ maxLength: 50 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        (header, tail, places) => {
          const bytes = Buffer.concat([header, tail]);
          expect(feed(cut(bytes, places))).toEqual(feed([bytes]));
        },
      ),
    );
  });

  test('garbage never throws, and no more than the longest header is held', () => {
    const begin = fc.constantFrom(Buffer.alloc(0), Buffer.from('PROXY '), Buffer.from('PROXY TCP6 '), signature);
    const undecided = (start: Buffer, chunks: readonly Uint8Array[]): boolean =>
      feed([start, ...chunks.map((chunk) => Buffer.from(chunk))]).kind === 'more';
    fc.assert(
      fc.property(begin, fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }), (start, chunks) => {
        const total = chunks.reduce((sum, chunk) => sum + chunk.length, start.length);
        expect(undecided(start, chunks) && total > headerLengthMax).toBe(false);
      }),
    );
  });
});
