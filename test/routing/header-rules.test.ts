import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type HeadField, isKept, judgeHead, keepFields } from '../../src/routing/header-rules.js';
import type { MailSession } from '../../src/routing/mail-session.js';
import type { ReceiveConnector } from '../../src/topology/catalogue/catalogue.js';
import { contoso, contosoWith } from './contoso.js';

const ownServer = '10.0.1.1';
const stranger = '203.0.113.9';

function sessionOf(connector: Partial<ReceiveConnector>, given: Partial<MailSession> = {}): MailSession {
  const servers = contoso.servers.map((server) =>
    server.name === 'CAS1' ? { ...server, host: 'Front.contoso.com' } : server,
  );
  const { topology, directory } = contosoWith({ servers, receiveConnectors: [{ name: 'Door', ...connector }] });
  const [door] = topology.receiveConnectors;
  const frontEnd = topology.server('CAS1');
  if (!door || !frontEnd) throw new Error('the estate lacks its door');
  return {
    topology,
    directory,
    frontEnd,
    connector: door,
    clientAddress: stranger,
    user: null,
    screening: null,
    ...given,
  };
}

const received = (value: string, name = 'Received'): HeadField => ({ name, value });
const by = (host: string): HeadField =>
  received(`from a.example (a.example [192.0.2.1]) by ${host} with ESMTP id 1; date`);
const times = (count: number, field: HeadField): HeadField[] => Array.from({ length: count }, () => field);

describe('how often a message may be handed on', () => {
  const limits = { maxHopCount: 4, maxLocalHopCount: 2 };
  const elsewhere = by('mx.example');
  const here = by('front.contoso.com');
  test.each<[string, Partial<ReceiveConnector>, HeadField[], string | null]>([
    ['no field at all', limits, [], null],
    ['as often as allowed', limits, times(4, elsewhere), null],
    ['once more', limits, times(5, elsewhere), 'too-many-hops'],
    ['names in any case', limits, times(5, received('by x', 'RECEIVED ')), 'too-many-hops'],
    ['fields of other names', limits, times(5, received('by x', 'X-Received')), null],
    ['one behind a bare line feed', limits, times(3, { ...elsewhere, hiddenNames: ['received'] }), 'too-many-hops'],
    ['through this front end as often as allowed', limits, times(2, here), null],
    ['through this front end once more', limits, times(3, here), 'too-many-local-hops'],
    ['through this front end, not counted', { ...limits, maxLocalHopCount: 0 }, times(4, here), null],
    ['both', limits, times(5, here), 'too-many-hops'],
  ])('%s', (_, connector, fields, expected) => {
    const { refusal, trace } = judgeHead(sessionOf(connector), fields);
    expect(refusal?.reason ?? null).toBe(expected);
    expect(trace[0]?.rule).toBe('head/hops');
    if (refusal === null) return;
    expect(refusal.reply).toEqual({ code: 554, enhanced: '5.4.6', text: 'Hop count exceeded - possible mail loop' });
  });

  test('own servers are no exception', () => {
    const session = sessionOf(limits, { clientAddress: ownServer });
    expect(judgeHead(session, times(5, elsewhere)).refusal?.reason).toBe('too-many-hops');
  });

  test('a message that would leave the estate is refused as a loop of routes', () => {
    const { refusal } = judgeHead(sessionOf(limits), times(5, elsewhere), 'outside');
    expect(refusal?.reply).toMatchObject({ code: 554, enhanced: '5.4.14' });
  });

  test('the trace tells the figures', () => {
    expect(judgeHead(sessionOf(limits), [here, elsewhere]).trace).toEqual([
      { rule: 'head/hops', detail: '2 Received fields (at most 4), 1 of CAS1 (at most 2)' },
    ]);
  });
});

describe('who wrote a Received field', () => {
  test.each([
    ['from x by front.contoso.com (usher) with ESMTP id 1; date', true],
    ['from x (y) BY FRONT.CONTOSO.COM. with ESMTP', true],
    ['by CAS1', true],
    ['by front.contoso.com; date', true],
    ['from by by front.contoso.com', true],
    ['from x (a (b) by mx.example) by front.contoso.com', true],
    ['from x (it is \\) by mx.example) by front.contoso.com', true],
    ['from x ) by front.contoso.com', true],
    ['from front.contoso.com by mx.example', false],
    ['from x (by front.contoso.com) by mx.example', false],
    ['from x by mx.example (front.contoso.com) with ESMTP', false],
    ['from x by mx.example for by front.contoso.com', false],
    ['from x by front.contoso.com.example', false],
    ['from by front.contoso.com', false],
    ['from x; by front.contoso.com', false],
    ['from x by', false],
    ['by front.contoso.comx', false],
    ['', false],
  ])('%j: %s', (value, isOwn) => {
    const session = sessionOf({ maxLocalHopCount: 1 });
    expect(judgeHead(session, times(2, received(value))).refusal !== null).toBe(isOwn);
  });

  test.each([
    ['10.0.0.1', 'by 10.0.0.1', true],
    ['10.0.0.1', 'by [10.0.0.1] with ESMTP', true],
    ['fd00::1', 'by [IPv6:fd00:0::1]', true],
    ['10.0.0.1', 'by [10.0.0.2]', false],
  ])('a front end at %s, %j: %s', (host, value, isOwn) => {
    const session = sessionOf({ maxLocalHopCount: 1 });
    const frontEnd = { ...session.frontEnd, host };
    expect(judgeHead({ ...session, frontEnd }, times(2, received(value))).refusal !== null).toBe(isOwn);
  });
});

const reserved = [
  'X-MS-Exchange-Organization-SCL',
  'x-ms-exchange-organization-authas',
  'X-MS-EXCHANGE-FOREST-RulesExecuted',
  'X-MS-Exchange-Organization-SCL \t',
  'X-Usher-Filter',
  'x-usher-transaction',
];
const odd = [
  'X-\u0000Usher-Filter',
  '\u0000X-Usher-Filter',
  'X-MS-Exchange-Organi\u00a0zation-SCL',
  '\u00d8-Usher-Filter',
  'X-U\u00c5\u00bfher-A',
];
const free = [
  'Received',
  'Resent-From',
  'Resent-Message-ID',
  'Subject',
  'X-MS-Exchange-CrossTenant-Id',
  'X-MS-Has-Attach',
  'X-Usher',
  'Not-X-Usher-Filter',
  'Subject ',
];

describe('the header firewall', () => {
  const servers: Partial<ReceiveConnector> = { permissionGroups: ['anonymous', 'servers'] };
  const external: Partial<ReceiveConnector> = {
    auth: ['tls', 'external-authoritative'],
    permissionGroups: ['servers'],
  };
  test.each<[string, Partial<ReceiveConnector>, Partial<MailSession>, boolean]>([
    ['a stranger', servers, {}, false],
    ['a partner', { permissionGroups: ['partners'] }, {}, false],
    ['a user', servers, { user: 'ann' }, false],
    ['a user at the address of an own server', servers, { user: 'ann', clientAddress: ownServer }, false],
    ['an own server', servers, { clientAddress: ownServer }, true],
    [
      'an own server where servers are not named',
      { permissionGroups: ['anonymous'] },
      { clientAddress: ownServer },
      false,
    ],
    ['a server that is trusted from outside', external, {}, false],
    ['an own server at the door for those', external, { clientAddress: ownServer }, false],
    ['nobody in particular', servers, { clientAddress: null }, false],
  ])('%s', (_, connector, given, keeps) => {
    const session = sessionOf(connector, given);
    for (const name of [...reserved, ...odd]) expect.soft([name, isKept(session, name)]).toEqual([name, keeps]);
    for (const name of free) expect.soft([name, isKept(session, name)]).toEqual([name, true]);
    const names = [...reserved, ...odd, ...free];
    const { kept, trace } = keepFields(
      session,
      names.map((name) => received('', name)),
    );
    expect(kept.map(({ name }) => name)).toEqual(keeps ? names : free);
    expect(trace.map(({ rule }) => rule)).toEqual(keeps ? [] : ['head/fields-removed']);
  });

  test('a list of which all stay is the list itself', () => {
    const fields = free.map((name) => received('', name));
    expect(keepFields(sessionOf({}), fields)).toEqual({ kept: fields, trace: [] });
    expect(keepFields(sessionOf({}), fields).kept).toBe(fields);
  });

  test('what is the organization has for itself does not leave it, whoever set it', () => {
    const fields = [...reserved, ...odd, ...free].map((name) => received('', name));
    const session = sessionOf({}, { clientAddress: ownServer });
    expect(keepFields(session, fields, 'inside').kept).toBe(fields);
    const { kept, trace } = keepFields(session, fields, 'outside');
    expect(kept.map(({ name }) => name)).toEqual(free);
    expect(trace[0]?.detail).toMatch(/; they do not leave the organization$/);
    expect(keepFields(session, kept, 'outside').kept).toBe(kept);
  });

  test('a field that hides another goes with it', () => {
    const fields = [
      { name: 'A', value: '', hiddenNames: ['B', 'X-Usher-Filter'] },
      { name: 'C', value: '', hiddenNames: ['D'] },
    ];
    expect(keepFields(sessionOf({}), fields).kept).toEqual(fields.slice(1));
  });

  test('the trace names what was removed, in few words that are safe', () => {
    const names = ['X-Usher-\u001b[31m', ...Array.from({ length: 11 }, (_, at) => `X-Usher-${at}`)];
    const { trace } = keepFields(
      sessionOf({}),
      names.map((name) => received('', name)),
    );
    const listed = ['X-Usher-?[31m', ...names.slice(1, 10)].join(', ');
    expect(trace[0]?.detail).toBe(`${listed} and 2 more; only own servers may set them`);
  });

  test('no case and no blanks let a reserved name through', () => {
    const session = sessionOf({});
    const flips = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(fc.constantFrom(...reserved), flips, fc.constantFrom('', ' ', '\t\t '), (name, isUpper, blank) => {
        const written = name.split('').map((letter, at) => (isUpper[at] ? letter.toUpperCase() : letter.toLowerCase()));
        expect(isKept(session, written.join('') + blank)).toBe(false);
      }),
    );
  });
});

test('no header takes long or throws', () => {
  const session = sessionOf({});
  const values = fc.array(fc.constantFrom('from', 'by', '(', ')', ' ', '"', '\\', ';', 'x', '\n'), { maxLength: 300 });
  fc.assert(
    fc.property(fc.array(values.map((words) => received(words.join('')))), (fields) => {
      expect(judgeHead(session, fields).trace.length).toBeGreaterThan(0);
    }),
  );
});
