import { assert as check, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readSipMessage } from '../../../src/protocols/sip/read-message.js';
import { responseGrowthBytesMax, writeResponse } from '../../../src/protocols/sip/write-response.js';
import { mutatedMessages } from './mutated-messages.js';
import { inviteText, requestOf } from './sip-text.js';
import { tortureMessage, tortureNames } from './torture-message.js';

const trying = { code: 100, reason: 'Trying', fields: [] };
const moved = {
  code: 302,
  reason: 'Moved Temporarily',
  fields: [{ name: 'Contact', value: '<sip:5000@mbx1.contoso.com:5062;transport=tcp>' }],
};
const origin = { received: '10.9.9.9', rport: 40_000, toTag: 'our-tag' };
const written = (text: string, response = moved, from = origin) =>
  writeResponse(requestOf(text), response, from).toString('latin1');
const topVia = (via: string, received: string) =>
  /Via: (.*)\r\n/.exec(written(inviteText({ Via: via }), trying, { ...origin, received }))?.[1];

describe('a response', () => {
  test('repeats what it must and says where to', () => {
    expect(written(inviteText({}, 'v=0\r\n'))).toBe(
      [
        'SIP/2.0 302 Moved Temporarily',
        'Via: SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bK776asdhds;rport=40000;received=10.9.9.9',
        'From: "Gateway" <sip:4001@10.9.9.9>;tag=1928301774',
        'To: <sip:5000@usher.example.com>;tag=our-tag',
        'Call-ID: a84b4c76e66710@10.9.9.9',
        'CSeq: 314159 INVITE',
        'Contact: <sip:5000@mbx1.contoso.com:5062;transport=tcp>',
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n'),
    );
  });

  test('100 has no tag of ours, and a tag that is there stays', () => {
    expect(written(inviteText(), trying)).toContain('To: <sip:5000@usher.example.com>\r\n');
    expect(written(inviteText({ To: '<sip:5000@h>;tag=theirs' }))).toContain('To: <sip:5000@h>;tag=theirs\r\n');
  });

  test('all vias in their order', () => {
    const text = inviteText({ Via: 'SIP/2.0/TCP a;branch=z9hG4bK1 , SIP/2.0/UDP b', v: 'SIP/2.0/TLS c;x="y, z"' });
    expect(written(text).match(/Via: .*/g)).toEqual([
      'Via: SIP/2.0/TCP a;branch=z9hG4bK1;received=10.9.9.9',
      'Via: SIP/2.0/UDP b',
      'Via: SIP/2.0/TLS c;x="y, z"',
    ]);
  });

  test.each<[via: string, received: string, expected: string]>([
    ['SIP/2.0/UDP 10.9.9.9;branch=z', '10.9.9.9', 'SIP/2.0/UDP 10.9.9.9;branch=z'],
    ['SIP/2.0/UDP 10.9.9.9;branch=z', '::ffff:10.9.9.9', 'SIP/2.0/UDP 10.9.9.9;branch=z'],
    ['SIP/2.0/UDP gw;branch=z', '10.9.9.9', 'SIP/2.0/UDP gw;branch=z;received=10.9.9.9'],
    ['SIP/2.0/UDP gw;rport;branch=z', '10.9.9.9', 'SIP/2.0/UDP gw;rport=40000;branch=z;received=10.9.9.9'],
    ['SIP/2.0/UDP gw;rport=5;branch=z', '10.9.9.9', 'SIP/2.0/UDP gw;rport=5;branch=z;received=10.9.9.9'],
    ['SIP/2.0/UDP gw;received=1.2.3.4;x=";rport;"', '10.9.9.9', 'SIP/2.0/UDP gw;x=";rport;";received=10.9.9.9'],
    ['SIP/2.0/UDP 10.9.9.9;received=1.2.3.4;a=b', '10.9.9.9', 'SIP/2.0/UDP 10.9.9.9;a=b'],
    ['SIP/2.0/TCP [2001:DB8::9]:5060;branch=z', '2001:db8::9', 'SIP/2.0/TCP [2001:DB8::9]:5060;branch=z'],
    ['SIP/2.0/TCP [fe80::9];branch=z', 'fe80::9%eth0', 'SIP/2.0/TCP [fe80::9];branch=z'],
    ['SIP / 2.0 / UDP  gw : 5060 ; branch = z', '1.1.1.1', 'SIP / 2.0 / UDP  gw : 5060; branch = z;received=1.1.1.1'],
  ])('the topmost Via %s from %s', (via, received, expected) => {
    expect(topVia(via, received)).toBe(expected);
  });

  test('nothing that was sent or given makes a line of its own', () => {
    const evil = '"a\r\nX: 1\nX: 2\rX: 3" <sip:a@b>;tag=1'.replace('\r\n', '\n');
    const text = written(
      inviteText({ From: evil, To: evil, 'Call-ID': 'a\nX: 1', CSeq: '1\nX: 1', Via: 'SIP/2.0/UDP h;x="a\nX: 1"' }),
      { code: 400, reason: 'a\r\nX: 1', fields: [{ name: 'Warning', value: 'b\r\nX: 1\0' }] },
    );
    expect(text.split('\r\n').map((line) => line.split(/[: ]/)[0])).toEqual([
      'SIP/2.0',
      'Via',
      'From',
      'To',
      'Call-ID',
      'CSeq',
      'Warning',
      'Content-Length',
      '',
      '',
    ]);
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n\0]/);
    expect(() => written(inviteText(), { ...moved, fields: [{ name: 'A: b\r\nC', value: '' }] })).toThrow('no token');
    expect(() => written(inviteText(), moved, { ...origin, toTag: 'a;b' })).toThrow('no token');
  });

  test('octets beyond ASCII stay what they were; our own are UTF-8', () => {
    const name = Buffer.from('"работа" <sip:a@b>;tag=1', 'utf8').toString('latin1');
    const text = written(inviteText({ From: name }), { ...moved, reason: 'Grüße Ā' });
    const bytes = Buffer.from(text, 'latin1').toString('utf8');
    expect(bytes).toContain('From: "работа" <sip:a@b>;tag=1\r\n');
    expect(bytes).toContain('SIP/2.0 302 Grüße Ā\r\n');
  });

  test.each(tortureNames())('to %s can be read and is hardly larger', (name) => {
    const reading = readSipMessage(tortureMessage(name));
    if (reading.kind !== 'request' && reading.kind !== 'refused') return;
    const bytes = writeResponse(reading.request, trying, origin);
    expect(bytes.length).toBeLessThanOrEqual(reading.request.totalBytes + responseGrowthBytesMax);
    const again = readSipMessage(bytes);
    expect(again.kind).toBe(reading.kind === 'request' ? 'response' : again.kind);
    expect(bytes.toString('latin1').match(/^Via:/gm)).toHaveLength(reading.request.vias.length);
  });

  test('the worst a sender can do about the size', () => {
    const vias = Array.from({ length: 70 }, () => 'SIP/2.0/UDP a').join();
    const text = inviteText({ Via: null, v: vias, 'Max-Forwards': null, Contact: null, 'Content-Length': null });
    expect(written(text, { ...moved, fields: [] }).length).toBeLessThan(text.length + responseGrowthBytesMax);
  });

  test('whatever came, it has its own lines only, and is hardly larger', () => {
    const ours =
      /^(?:SIP\/2\.0 302 Moved Temporarily|(?:Via|From|To|Call-ID|CSeq|Contact): [^\r\n]*|Content-Length: 0|)$/;
    check(
      property(mutatedMessages, (text) => {
        const reading = readSipMessage(Buffer.from(text, 'latin1'));
        if (reading.kind !== 'request' && reading.kind !== 'refused') return;
        const bytes = writeResponse(reading.request, moved, origin);
        expect(bytes.length).toBeLessThanOrEqual(reading.request.totalBytes + responseGrowthBytesMax);
        const lines = bytes.toString('latin1').split('\r\n');
        expect(lines.filter((line) => !ours.test(line))).toEqual([]);
        expect(lines.slice(-3)).toEqual(['Content-Length: 0', '', '']);
        if (reading.kind === 'request') expect(readSipMessage(bytes)).toEqual({ kind: 'response', code: 302 });
      }),
      { numRuns: 1000 },
    );
  });
});
