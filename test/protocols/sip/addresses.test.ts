import { describe, expect, test } from 'vitest';
import { readAddress, readAddresses, schemeOf, whoDiverted } from '../../../src/protocols/sip/addresses.js';
import { inviteText, requestOf } from './sip-text.js';

describe('addresses', () => {
  test.each<[value: string, uris: string[]]>([
    ['sip:a@b', ['sip:a@b']],
    ['<sip:a@b;x=1,2?h=v>;q=1', ['sip:a@b;x=1,2?h=v']],
    ['"Bell, Alexander" <sip:a@b> , Bob Smith <sip:c@d>', ['sip:a@b', 'sip:c@d']],
    ['"a \\" <sip:no@where>" <sip:a@b>,sip:c@d;tag=1', ['sip:a@b', 'sip:c@d']],
    ['tel:+1-555-1234;phone-context=x', ['tel:+1-555-1234']],
    ['<sip:[2001:db8::1]:5060>', ['sip:[2001:db8::1]:5060']],
    ['  <sip:a@b>  ;  x  =  y  ', ['sip:a@b']],
  ])('%s', (value, uris) => {
    expect(readAddresses(value)?.map(({ uri }) => uri)).toEqual(uris);
  });

  test.each([
    '',
    ' ',
    ',',
    '<>',
    '<sip:>',
    '<sip:a@b',
    'a@b',
    '"a <sip:a@b>',
    '<sip:a b>',
    '<sip:a@b>,',
    '<sip:a@b>;;',
    '<sip:a@b> x',
    'a,b <sip:a@b>',
    '<sip:a@b>;x="',
    'sip:a@b?x=y',
    '<sip:a@b>;=x',
  ])('none: %j', (value) => {
    expect(readAddresses(value)).toBeNull();
  });

  test('parameters: lower-case names, values without quotes, the text as it was sent', () => {
    const address = readAddress('<sip:a@b>;Reason="user \\"busy\\"";counter=1;Privacy');
    expect(address?.parameters).toEqual(
      new Map([
        ['reason', 'user "busy"'],
        ['counter', '1'],
        ['privacy', ''],
      ]),
    );
    expect(address?.text).toBe('<sip:a@b>;Reason="user \\"busy\\"";counter=1;Privacy');
  });

  test('one address is one', () => {
    expect(readAddress('<sip:a@b>')?.uri).toBe('sip:a@b');
    expect(readAddress('<sip:a@b>, <sip:c@d>')).toBeNull();
  });

  test('schemes', () => {
    expect(['SIPS:a@b', 'tel:+1', 'nothing'].map(schemeOf)).toEqual(['sips', 'tel', '']);
  });
});

describe('who diverted a call', () => {
  const diverted = (fields: Record<string, string>) => whoDiverted(requestOf(inviteText(fields)));

  test('nobody', () => {
    expect(diverted({})).toBeNull();
  });

  test('the topmost Diversion', () => {
    expect(diverted({ Diversion: '<sip:5101@gw>;reason=no-answer, <sip:5102@gw>;reason=unconditional' })).toBe(
      'sip:5101@gw',
    );
    expect(diverted({ Diversion: 'tel:5101;reason=user-busy', 'History-Info': '<sip:9@h>;index=1' })).toBe('tel:5101');
    const twice = inviteText({ Diversion: '<sip:5101@gw>', 'X-Diversion': '<sip:5102@gw>' });
    expect(whoDiverted(requestOf(twice.replace('X-Diversion', 'diversion')))).toBe('sip:5101@gw');
  });

  test('a malformed Diversion is none', () => {
    expect(diverted({ Diversion: 'nobody' })).toBeNull();
    expect(diverted({ Diversion: '<>', 'History-Info': '<sip:5101@h>;index=1,<sip:vm@h>;index=1.1;mp=1' })).toBe(
      'sip:5101@h',
    );
  });

  test.each<[string, string, string | null]>([
    ['one target: nobody', '<sip:5000@h>;index=1', null],
    ['a call that was only passed on', '<sip:5000@h>;index=1,<sip:5000@gw>;index=1.1;rc=1', null],
    ['a hop without a mark', '<sip:5000@h>;index=1,<sip:5000@gw>;index=1.1', null],
    [
      'mp names whose place was taken (RFC 7044)',
      '<sip:5101@h>;index=1,<sip:5101@10.0.0.1?Reason=SIP%3Bcause%3D486>;index=1.1;rc=1,<sip:5000@h>;index=1.2;mp=1',
      'sip:5101@h',
    ],
    [
      'the latest of two',
      '<sip:5101@h>;index=1,<sip:5102@h;cause=302>;index=1.1;mp=1,<sip:5000@h;cause=408>;index=1.1.1;mp=1.1',
      'sip:5102@h;cause=302',
    ],
    [
      'a contact that is looked up for the pilot changes nothing',
      '<sip:5101@h>;index=1,<sip:5000@h>;index=1.1;mp=1,<sip:5000@10.0.0.2>;index=1.1.1;rc=1.1',
      'sip:5101@h',
    ],
    ['cause without mp (RFC 4458)', '<sip:5101@h>;index=1,<sip:5000@h;cause=408>;index=1.1', 'sip:5101@h'],
    ['cause behind the URI', '<sip:5101@h>;index=1,<sip:5000@h>;index=1.1;cause=302', 'sip:5101@h'],
    [
      'a number that was translated is no diversion',
      '<sip:0800@h>;index=1,<sip:5000@h;cause=380>;index=1.1;mp=1',
      null,
    ],
    [
      'a Reason says who was given up (RFC 4244)',
      '<sip:5101@h?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%22>;index=1,<sip:5000@h>;index=2',
      'sip:5101@h?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%22',
    ],
    [
      'a Reason of a contact is of whom it was looked up for',
      '<sip:5101@h>;index=1,<sip:x@10.0.0.1?Reason=SIP%3Bcause%3D480>;index=1.1;rc=1,<sip:5000@h>;index=1.2',
      'sip:5101@h',
    ],
    ['an index that is not there', '<sip:5101@h>;index=1,<sip:5000@h>;index=1.1;mp=7', null],
    ['an index that is its own', '<sip:5101@h>;index=1,<sip:5000@h>;index=1.1;mp=1.1', null],
    ['malformed', '<sip:5101@h>;index=1,;;', null],
  ])('history: %s', (_, value, uri) => {
    expect(diverted({ 'History-Info': value })).toBe(uri);
    expect(
      whoDiverted(requestOf(inviteText({ 'History-Info': value }).replaceAll(/,(?=<)/g, '\r\nHistory-Info: '))),
    ).toBe(uri);
  });

  test('a history of a thousand entries takes no longer than it is', () => {
    const entries = (count: number) => Array.from({ length: count }, () => '<a:b>;mp=x').join();
    const request = requestOf(inviteText({ 'History-Info': entries(700), 'history-info': entries(700) }));
    whoDiverted(request);
    const began = performance.now();
    for (let run = 0; run < 5; run += 1) whoDiverted(request);
    expect((performance.now() - began) / 5).toBeLessThan(20);
  });
});
