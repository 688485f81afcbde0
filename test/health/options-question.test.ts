import { expect, test } from 'vitest';
import { newOptionsQuestion } from '../../src/health/options-question.js';
import { readResponse } from '../../src/protocols/sip/read-response.js';
import { responseTo } from './sip-gateway.js';

const gateway = { address: '10.9.9.9', port: 5060, transport: 'udp' } as const;
const requestTo = (address: string, ownHost = 'cas1'): string =>
  newOptionsQuestion({ ...gateway, address }, ownHost)
    .requestFrom(40_000)
    .toString('latin1');

test.each([
  ['10.9.9.9', '10.9.9.9'],
  ['gw.contoso.com.', 'gw.contoso.com'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['2001:DB8::9', '[2001:db8::9]'],
  ['[::1]', '[::1]'],
  ['fe80::1%eth0', '[fe80::1]'],
])('a gateway at %s is asked as %s', (address, host) => {
  expect(requestTo(address)).toContain(`OPTIONS sip:${host}:5060 SIP/2.0\r\n`);
});

test.each([
  ['CAS1.contoso.com', 'cas1.contoso.com'],
  ['::1', '[::1]'],
  ['Empfang 1', 'anonymous.invalid'],
])('a front end %s calls itself %s', (ownHost, host) => {
  expect(requestTo('10.9.9.9', ownHost)).toContain(`Via: SIP/2.0/UDP ${host}:40000;branch=`);
});

test('only responses with its own Call-ID and CSeq belong to a question', () => {
  const question = newOptionsQuestion(gateway, 'cas1');
  const request = question.requestFrom(40_000).toString('latin1');
  const judge = (text: string): string => {
    const response = readResponse(Buffer.from(text, 'latin1'));
    return response === null ? 'none' : question.judge(response);
  };
  expect([100, 199, 200, 302, 404, 503, 603].map((code) => judge(responseTo(request, code)))).toEqual([
    ...['provisional', 'provisional'],
    ...['final', 'final', 'final', 'final', 'final'],
  ]);
  expect(judge(responseTo(request, 200).replace('CSeq: 1 OPTIONS', 'CSeq: 2 OPTIONS'))).toBe('foreign');
  expect(judge(responseTo(request, 200).replace('CSeq: 1 OPTIONS', 'CSeq: 1 INVITE'))).toBe('foreign');
  expect(judge(responseTo(requestTo('10.9.9.9'), 200))).toBe('foreign');
});
