import { assert as check, oneof, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readSipMessage } from '../../../src/protocols/sip/read-message.js';
import { sipLimits } from '../../../src/protocols/sip/sip-limits.js';
import { mutatedMessages } from './mutated-messages.js';
import { inviteText, requestOf } from './sip-text.js';

function verdictOf(text: string): string {
  const reading = readSipMessage(Buffer.from(text, 'latin1'));
  return reading.kind === 'refused' ? `${reading.code} ${reading.reason}` : reading.kind;
}

const vias = (count: number) => Array.from({ length: count }, (_, n) => `SIP/2.0/UDP h${n};branch=z9hG4bK${n}`).join();

describe('an INVITE of a gateway', () => {
  test('is read', () => {
    const request = requestOf(inviteText({}, 'v=0\r\n'));
    expect(request).toMatchObject({
      method: 'INVITE',
      uri: 'sip:5000@usher.example.com',
      from: { uri: 'sip:4001@10.9.9.9', text: '"Gateway" <sip:4001@10.9.9.9>;tag=1928301774' },
      to: { uri: 'sip:5000@usher.example.com' },
      callId: 'a84b4c76e66710@10.9.9.9',
      cseq: { number: 314_159, method: 'INVITE' },
      maxForwards: 70,
      totalBytes: inviteText({}, 'v=0\r\n').length,
    });
    expect(request.vias).toEqual([
      {
        transport: 'UDP',
        host: '10.9.9.9',
        port: 5060,
        branch: 'z9hG4bK776asdhds',
        wantsRport: true,
        text: 'SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bK776asdhds;rport',
      },
    ]);
  });

  test.each<[string, Record<string, string | null>]>([
    ['an IPv6 sender', { Via: 'SIP/2.0/TCP [2001:db8::9]:5060;branch=z9hG4bK1;received=2001:db8::9' }],
    ['a quoted parameter', { Via: 'SIP/2.0/UDP h;branch=z9hG4bK1;x="a, b; c\\" d"' }],
    ['no Max-Forwards', { 'Max-Forwards': null }],
    ['no Content-Length', { 'Content-Length': null }],
    ['the largest numbers', { 'Max-Forwards': '255', CSeq: '2147483647 INVITE' }],
    ['a From without a tag', { From: 'sip:4001@10.9.9.9' }],
    ['several contacts', { Contact: '"A, B" <sip:a@h;x=1,2>;q=0.5, sip:b@h;q=0.1,<tel:+15551234>' }],
    ['fields that nobody knows', { 'X-Odd': ',;"<', Date: 'yesterday', Accept: '' }],
    ['as many vias as may be', { Via: vias(sipLimits.viasMax) }],
  ])('may have %s', (_, changes) => {
    expect(verdictOf(inviteText(changes))).toBe('request');
  });

  test.each<[string, Record<string, string | null>]>([
    ['Max-Forwards is no number', { 'Max-Forwards': 'seventy' }],
    ['Max-Forwards is no number', { 'Max-Forwards': '-1' }],
    ['Max-Forwards is too large', { 'Max-Forwards': '256' }],
    ['the CSeq number is too large', { CSeq: '2147483648 INVITE' }],
    ['CSeq is malformed', { CSeq: 'INVITE' }],
    ['CSeq has another method', { CSeq: '1 BYE' }],
    ['CSeq has another method', { CSeq: '1 invite' }],
    ['CSeq is missing', { CSeq: null }],
    ['To is missing', { To: null }],
    ['Call-ID is missing', { 'Call-ID': null }],
    ['Call-ID is malformed', { 'Call-ID': 'a b' }],
    ['Call-ID is malformed', { 'Call-ID': '' }],
    ['Content-Length is no number', { 'Content-Length': '0x10' }],
    ['Content-Length is given twice', { 'Content-Length': '0', l: '0' }],
    ['From is given twice', { f: 'sip:a@b' }],
    ['To is malformed', { To: '<sip:a@b>, <sip:c@d>' }],
    ['To is malformed', { To: '<sip:a@b>;tag=1;tag=2' }],
    ['To is malformed', { To: '*' }],
    ['Contact is malformed', { Contact: '<sip:a@b' }],
    ['Via has two branches', { Via: 'SIP/2.0/UDP h;branch=z9hG4bK1;branch=z9hG4bK2' }],
    ['a Via port is too large', { Via: 'SIP/2.0/UDP h:65536;branch=z9hG4bK1' }],
    ['Via is malformed', { Via: 'SIP/2.0/UDP h;branch=z9hG4bK1, nonsense' }],
    ['a line is no field', { 'Bad Name': 'x' }],
    ['a CR or an LF stands alone', { Subject: 'a\nVia: SIP/2.0/UDP evil' }],
    ['a CR or an LF stands alone', { Subject: 'a\rb' }],
  ])('is refused: %s', (what, changes) => {
    expect(verdictOf(inviteText(changes))).toBe(`400 Bad Request: ${what}`);
  });

  test.each<[string, string]>([
    ['no Via', inviteText({ Via: null })],
    ['a topmost Via that says nothing', inviteText({ Via: 'nonsense' })],
    ['a topmost Via that says nothing above another', inviteText({ Via: 'nonsense', v: 'SIP/2.0/UDP h' })],
    ['more vias than may be', inviteText({ Via: vias(sipLimits.viasMax + 1) })],
    ['a field that is too long', inviteText({ Subject: 'a'.repeat(sipLimits.fieldBytesMax) })],
    ['too many fields', inviteText().replace('Via:', `${'A: b\r\n'.repeat(sipLimits.fieldsMax)}Via:`)],
    ['a header that is too large', inviteText().replace('Via:', `${`A: ${'b'.repeat(8000)}\r\n`.repeat(3)}Via:`)],
    ['more than a datagram', inviteText({}, 'a'.repeat(sipLimits.messageBytesMax))],
    ['another protocol', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['nothing', ''],
    ['a keep-alive', '\r\n\r\n'],
    ['one line', 'INVITE sip:a@b SIP/2.0'],
  ])('is dropped with %s', (_, text) => {
    expect(verdictOf(text)).toBe('garbage');
  });

  test('an ACK is never refused: nothing answers it', () => {
    const ack = inviteText({ CSeq: '1 ACK' }).replace('INVITE', 'ACK');
    expect(verdictOf(ack)).toBe('request');
    expect(verdictOf(ack.replace('Max-Forwards: 70', 'Max-Forwards: x'))).toBe('garbage');
  });

  test('cut off before the empty line it is refused', () => {
    expect(verdictOf(inviteText().slice(0, -2))).toBe('400 Bad Request: no empty line ends the fields');
  });

  test('empty lines before it are nothing', () => {
    expect(verdictOf(`\r\n\r\n${inviteText()}`)).toBe('request');
  });

  test('a CR or LF alone never is in a value that is taken for well-formed', () => {
    const reading = readSipMessage(Buffer.from(inviteText({ From: '"a\nb" <sip:a@b>;tag=1' }), 'latin1'));
    expect(reading).toMatchObject({ kind: 'refused', code: 400 });
  });
});

describe('whatever comes', () => {
  test('it has one of four verdicts, and what is to be repeated is within the limits', () => {
    check(
      property(oneof(mutatedMessages, string({ unit: 'binary', maxLength: 300 })), (text) => {
        const bytes = Buffer.from(text, 'latin1');
        const reading = readSipMessage(bytes);
        if (reading.kind !== 'request' && reading.kind !== 'refused') return;
        const { request } = reading;
        expect(request.vias.length).toBeGreaterThan(0);
        expect(request.totalBytes).toBeLessThanOrEqual(bytes.length);
        expect(request.cseq.number).toBeLessThan(2 ** 31);
        expect(request.fields.filter(({ name }) => !/^[a-z0-9.!%*_+`'~-]+$/.test(name))).toEqual([]);
        if (reading.kind === 'refused') {
          expect(reading.reason.length).toBeLessThan(80);
          return;
        }
        expect(request.fields.filter(({ value }) => /[\r\n]/.test(value))).toEqual([]);
        expect(request.from.uri).not.toBe('');
        expect(request.to.uri).not.toBe('');
      }),
      { numRuns: 1000 },
    );
  });

  test.each<[string, string]>([
    ['spaces', inviteText({ Contact: `${' '.repeat(8000)}x` })],
    ['commas', inviteText({ Contact: ','.repeat(8000) })],
    ['spaces between contacts', inviteText({ Contact: `<sip:a@b>,${' '.repeat(8000)}x` })],
    ['quotation marks', inviteText({ From: '"'.repeat(8000) })],
    ['backslashes', inviteText({ From: `"${'\\'.repeat(8000)}` })],
    ['brackets', inviteText({ From: '<'.repeat(8000) })],
    ['semicolons', inviteText({ Via: `SIP/2.0/UDP h${';'.repeat(8000)}` })],
    ['folds', inviteText({ Subject: 'a\r\n '.repeat(2000) })],
    ['lines without a colon', inviteText().replace('Via:', `${'a\r\n'.repeat(5000)}Via:`)],
    ['versions in the first line', `INVITE ${'SIP/1.1 '.repeat(2000)}\r\n\r\n`],
  ])('%s in thousands take no longer than they are', (_, text) => {
    const bytes = Buffer.from(text, 'latin1');
    readSipMessage(bytes);
    const began = performance.now();
    for (let run = 0; run < 5; run += 1) readSipMessage(bytes);
    expect((performance.now() - began) / 5).toBeLessThan(20);
  });
});
