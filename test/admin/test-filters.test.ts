import { describe, expect, test } from 'vitest';
import { setFilters } from '../../src/admin/filters.js';
import type { FilterAnswer, FilterQuestion } from '../../src/admin/test-filters.js';
import { filterAnswerText, testFilters } from '../../src/admin/test-filters.js';
import { storedEstate } from '../../src/admin/test-routing.js';
import type { Store } from '../../src/store/store.js';
import type { EstateObject } from '../../src/topology/catalogue/catalogue.js';
import { smallEstate } from '../cli/estates.js';
import { apply, meta, scratchStore } from '../support/scratch-store.js';

/** A store whose estate has these filters. */
function withFilters(filters: object, more: object = {}): Store {
  const store = scratchStore();
  apply(store, { ...smallEstate, filters, ...more });
  return store;
}

const set = (store: Store, given: EstateObject, disable: readonly string[] = []) =>
  setFilters(store, { given, enable: [], disable }, meta, {});

const client = { clientIp: '203.0.113.9' };
const message = { ...client, from: 'kim@fabrikam.com', to: ['ann@contoso.com'] };

function ask(store: Store, asked: Partial<FilterQuestion>): Promise<FilterAnswer> {
  const none = {
    on: undefined,
    port: 25,
    helo: undefined,
    from: undefined,
    to: [],
    dns: [],
    spf: undefined,
    headers: [],
  };
  return testFilters(storedEstate(store, undefined), { ...none, ...client, ...asked });
}

/** `event/agent: verdict` of everything that was said. */
const said = ({ filters }: FilterAnswer) => filters.map(({ agent, event, verdict }) => `${event}/${agent}: ${verdict}`);

describe('a message of a stranger', () => {
  test('nothing against it: what each filter says', async () => {
    const answer = await ask(withFilters({}), {
      ...message,
      to: ['ann@contoso.com', 'Nobody@contoso.com'],
      helo: 'mx',
    });
    expect(answer).toMatchObject({ revision: 1, outcome: 'accept', reply: null, receiveConnector: 'In', marks: [] });
    expect(said(answer)).toStrictEqual([
      'connect/connection-filtering: pass',
      'mail/sender-filtering: pass',
      'recipient/recipient-filtering: pass',
      'recipient/recipient-filtering: pass',
    ]);
    expect(answer.recipients).toMatchObject([
      { address: 'ann@contoso.com', class: 'mailbox', verdict: 'accept' },
      { address: 'Nobody@contoso.com', class: 'unknown', verdict: 'accept' },
    ]);
  });

  test('from a blocked address: nobody looks at the sender, all recipients are refused but the bypassed', async () => {
    const store = withFilters({
      ipBlock: [{ range: '203.0.113.0/24' }],
      senders: { blocked: ['kim@fabrikam.com'] },
      bypassedRecipients: ['bob@contoso.com'],
    });
    const answer = await ask(store, message);
    expect(answer).toMatchObject({ outcome: 'reject', reply: { code: 550, enhanced: '5.7.1' } });
    expect(said(answer)).toStrictEqual(['connect/connection-filtering: block']);
    expect(answer.filters[0]?.why).toBe('203.0.113.9 is on the block list (203.0.113.0/24)');
    const both = await ask(store, { ...message, to: ['ann@contoso.com', 'bob@contoso.com'] });
    expect(both).toMatchObject({ outcome: 'accept', recipients: [{ verdict: 'reject' }, { verdict: 'accept' }] });
    expect(await ask(store, client)).toMatchObject({ outcome: 'reject', reply: { code: 550 }, recipients: [] });
  });

  test('from an address on the allow list passes everything', async () => {
    const store = withFilters({
      ipAllow: [{ range: '203.0.113.9' }],
      ipBlock: [{ range: '203.0.113.9' }],
      senders: { blocked: ['kim@fabrikam.com'] },
      recipients: { blocked: ['ann@contoso.com'] },
    });
    const answer = await ask(store, message);
    expect(answer).toMatchObject({ outcome: 'accept' });
    expect(said(answer)).toStrictEqual(['connect/connection-filtering: exempt']);
  });

  test('an entry that has expired does not count', async () => {
    const store = withFilters({ ipBlock: [{ range: '203.0.113.9', expires: '2020-01-01T00:00:00Z' }] });
    expect(await ask(store, message)).toMatchObject({ outcome: 'accept' });
  });

  test('DNS lists get the answers given, and are otherwise said not to be asked', async () => {
    const zen = { name: 'zen', zone: 'zen.example', match: { mask: 4 }, response: 'see zen' };
    const store = withFilters({ blockProviders: [zen] });
    expect(await ask(store, message)).toMatchObject({ outcome: 'accept', notAsked: [{ name: 'zen' }] });
    const listed = await ask(store, { ...message, dns: ['9.113.0.203.ZEN.example=127.0.0.6'] });
    expect(listed).toMatchObject({ outcome: 'reject', reply: { code: 550, text: 'see zen' }, notAsked: [] });
    for (const answer of ['127.0.0.2', 'timeout', 'nxdomain'])
      expect(await ask(store, { ...message, dns: [`9.113.0.203.zen.example=${answer}`] })).toMatchObject({
        outcome: 'accept',
      });
  });

  test('from a blocked sender, a stamped one, the empty one, none', async () => {
    const store = withFilters({ senders: { blockedDomainsAndSubdomains: ['fabrikam.com'], blockBlank: true } });
    expect(await ask(store, { ...message, from: 'a@sub.fabrikam.com' })).toMatchObject({
      outcome: 'reject',
      reply: { code: 554, enhanced: '5.1.0' },
      recipients: [],
    });
    expect(await ask(store, { from: '<>' })).toMatchObject({ outcome: 'reject', reply: { code: 554 } });
    expect(await ask(store, { to: ['ann@contoso.com'] })).toMatchObject({ outcome: 'accept' });
    set(store, { senders: { action: 'stamp' } });
    expect(await ask(store, message)).toMatchObject({ outcome: 'accept', marks: ['sender-blocked'] });
    set(store, {}, ['sender']);
    expect(await ask(store, message)).toMatchObject({ marks: [], notAsked: [{ name: 'sender', why: 'switched off' }] });
  });

  test('recipients are judged one by one', async () => {
    const store = withFilters({ recipients: { blocked: ['bob@contoso.com'], validate: true } });
    const to = ['ann@contoso.com', 'bob@contoso.com', 'nobody@contoso.com', 'no address'];
    const answer = await ask(store, { ...message, to });
    expect(answer).toMatchObject({ outcome: 'accept' });
    expect(answer.recipients.map(({ reply }) => reply && `${reply.code} ${reply.enhanced}`)).toStrictEqual([
      null,
      '550 5.1.1',
      '550 5.1.1',
      '501 5.1.3',
    ]);
    expect(await ask(store, { to: ['bob@contoso.com'] })).toMatchObject({ outcome: 'reject', reply: { code: 550 } });
  });

  test('SPF judges by the result given: reject, delete, stamp, temporary', async () => {
    const store = withFilters({ enabled: { spf: true }, spf: { fail: 'reject', tempError: 'reject' } });
    expect(await ask(store, message)).toMatchObject({ outcome: 'accept', notAsked: [{ name: 'spf' }] });
    expect(await ask(store, { ...message, spf: 'fail' })).toMatchObject({
      outcome: 'reject',
      reply: { code: 550, enhanced: '5.7.23' },
      recipients: [{ verdict: 'reject', reply: { code: 550 } }],
    });
    expect(await ask(store, { ...message, spf: 'temperror' })).toMatchObject({ outcome: 'defer' });
    expect(await ask(store, { ...message, spf: 'softfail' })).toMatchObject({
      outcome: 'accept',
      marks: ['spf-softfail'],
    });
    set(store, { spf: { fail: 'delete' } });
    expect(await ask(store, { ...message, spf: 'fail' })).toMatchObject({
      outcome: 'discard',
      reply: null,
      recipients: [{ verdict: 'discard' }],
    });
  });

  test('behind a relay of ours the address in the Received fields counts', async () => {
    const organization = { ...smallEstate.organization, internalSmtpServers: ['203.0.113.9'] };
    const store = withFilters({ ipBlock: [{ range: '198.51.100.0/24' }] }, { organization });
    expect(await ask(store, message)).toMatchObject({ outcome: 'accept' });
    const headers = ['Received: from x ([198.51.100.7]) by relay; now'];
    const blocked = await ask(store, { ...message, headers });
    expect(blocked).toMatchObject({ outcome: 'reject', recipients: [{ verdict: 'reject' }] });
    expect(said(blocked).at(-1)).toBe('message/connection-filtering: block');
  });
});

test('an own server is not filtered, and a port without a door is an answer too', async () => {
  const receiveConnectors = [{ name: 'In', bindings: ['127.0.0.1:25'], auth: ['external-authoritative'] }];
  const store = withFilters({ ipBlock: [{ range: '203.0.113.9' }] }, { receiveConnectors });
  const answer = await ask(store, message);
  expect(answer).toMatchObject({ outcome: 'accept', filters: [] });
  expect(answer.trace[0]?.detail).toContain('the client counts as server');
  expect(await ask(store, { ...message, port: 26 })).toMatchObject({
    outcome: 'reject',
    receiveConnector: null,
    reply: { code: 421 },
  });
});

test('a front end that is not in service refuses before any filter of a message is asked', async () => {
  const [frontEnd, ...others] = smallEstate.servers;
  const components = [{ component: 'frontend-transport', requester: 'maintenance', state: 'inactive' }];
  const store = withFilters({}, { servers: [{ ...frontEnd, components }, ...others] });
  expect(await ask(store, message)).toMatchObject({ outcome: 'defer', reply: { code: 421 }, recipients: [] });
});

test('an agent of the administrator is named as not asked', async () => {
  const store = withFilters({ agents: [{ name: 'mine', module: '/nowhere.js' }] });
  expect(await ask(store, message)).toMatchObject({ outcome: 'accept', notAsked: [{ name: 'mine' }] });
});

test.each([
  [{ clientIp: 'x' }, /--client-ip takes an IP address, found "x"/],
  [{ spf: 'no' }, /--spf takes one of none, neutral/],
  [{ dns: ['no'] }, /--dns takes NAME=ADDRESS/],
  [{ dns: ['x.example=1.2.3'] }, /--dns takes NAME=ADDRESS/],
  [{ headers: ['no'] }, /--header takes "Name: value"/],
])('%j is a usage error', async (asked, message) => {
  await expect(ask(withFilters({}), asked)).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(message),
  });
});

test('the text: which door, what was said, what each recipient hears, the end', async () => {
  const store = withFilters({ senders: { blockedDomains: ['fabrikam.com'], action: 'stamp' }, enabled: { spf: true } });
  const text = filterAnswerText(await ask(store, { ...message, to: ['ann@contoso.com', 'x@y.example'] }));
  expect(text.split('\n')).toStrictEqual([
    '  receive-connector/chosen       "In"; the client counts as anonymous',
    '  connect/connection-filtering   203.0.113.9: pass',
    '  mail/sender-filtering          kim@fabrikam.com: stamp; fabrikam.com is a blocked domain',
    '  recipient/recipient-filtering  ann@contoso.com: pass',
    '  not asked/spf                  give its result with --spf',
    '  recipient/accept               ann@contoso.com is a mailbox in DB1',
    '  recipient/reject               x@y.example is of class external; anonymous clients may not relay on "In"',
    'ann@contoso.com  accept',
    'x@y.example  reject 550 5.7.1 Unable to relay',
    'accept marked sender-blocked',
    '',
  ]);
});
