import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { readSipMessage } from '../../../src/protocols/sip/read-message.js';
import { type OptionsRequest, writeOptions } from '../../../src/protocols/sip/write-request.js';

const usual: OptionsRequest = {
  transport: 'udp',
  host: '10.9.9.9',
  port: 5060,
  ownHost: 'cas1.contoso.com',
  ownPort: 40_000,
  branch: 'b1',
  fromTag: 't1',
  callId: 'c1',
};
const written = (given: Partial<OptionsRequest> = {}): string =>
  writeOptions({ ...usual, ...given }).toString('latin1');

test('an OPTIONS has what every request has, and nothing more than it needs', () => {
  expect(written()).toBe(
    [
      'OPTIONS sip:10.9.9.9:5060 SIP/2.0',
      'Via: SIP/2.0/UDP cas1.contoso.com:40000;branch=z9hG4bKb1;rport',
      'Max-Forwards: 70',
      'From: <sip:cas1.contoso.com>;tag=t1',
      'To: <sip:10.9.9.9>',
      'Call-ID: c1',
      'CSeq: 1 OPTIONS',
      'Contact: <sip:cas1.contoso.com:40000>',
      'Accept: application/sdp',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
  );
});

test('says over what it goes, and puts IPv6 into brackets', () => {
  const text = written({ transport: 'tls', host: '2001:db8::9', port: 5061, ownHost: '::1' });
  expect(text).toContain('OPTIONS sip:[2001:db8::9]:5061;transport=tls SIP/2.0\r\n');
  expect(text).toContain('Via: SIP/2.0/TLS [::1]:40000;branch=z9hG4bKb1;rport\r\n');
  expect(text).toContain('To: <sip:[2001:db8::9]>\r\n');
  expect(text).toContain('Contact: <sip:[::1]:40000;transport=tls>\r\n');
});

test.each(['udp', 'tcp', 'tls'] as const)('is what our own reader takes for a whole request, over %s', (transport) => {
  const bytes = writeOptions({ ...usual, transport });
  expect(readSipMessage(bytes)).toMatchObject({
    kind: 'request',
    request: {
      method: 'OPTIONS',
      maxForwards: 70,
      callId: 'c1',
      cseq: { number: 1, method: 'OPTIONS' },
      vias: [{ transport: transport.toUpperCase(), host: 'cas1.contoso.com', port: 40_000, wantsRport: true }],
      totalBytes: bytes.length,
    },
  });
});

test.each<[string, Partial<OptionsRequest>]>([
  ['a host', { host: 'gw\r\nX: y' }],
  ['an own host', { ownHost: 'a b' }],
  ['an own host that is not there', { ownHost: '' }],
  ['a branch', { branch: 'a;b' }],
  ['a tag', { fromTag: 'a\r\n' }],
  ['a Call-ID', { callId: '' }],
])('%s that cannot stand in it is a fault', (_, given) => {
  expect(() => writeOptions({ ...usual, ...given })).toThrow(/is no token|neither a name nor an address/);
});

test('the bytes are ASCII', () => {
  const bytes = writeOptions(usual);
  expect(Buffer.from(bytes.toString('ascii'), 'ascii').equals(bytes)).toBe(true);
});
