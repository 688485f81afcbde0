import { afterEach, beforeEach, expect, test } from 'vitest';
import { applyEstate } from '../../src/admin/apply.js';
import { type MailFlags, testMailRouting } from '../../src/admin/test-mail-routing.js';
import { type Answer, storedEstate } from '../../src/admin/test-routing.js';
import { answerText } from '../../src/cli/answer-text.js';
import type { Store } from '../../src/store/store.js';
import { openStore } from '../../src/store/store.js';

const estate = {
  estate: 1,
  sites: [{ name: 'HQ' }, { name: 'Branch' }],
  links: [{ name: 'wire', sites: ['HQ', 'Branch'], cost: 10 }],
  servers: [
    { name: 'CAS1', host: '10.0.0.1', site: 'HQ', roles: ['frontend'] },
    { name: 'MBX1', host: '10.0.1.1', site: 'HQ' },
    { name: 'MBX2', host: 'mbx2.contoso.com', site: 'Branch' },
  ],
  domains: [{ name: 'contoso.com', type: 'authoritative' }],
  receiveConnectors: [
    { name: 'Default Frontend' },
    { name: 'Outbound', bindings: ['0.0.0.0:717'], permissionGroups: ['servers'] },
  ],
  sendConnectors: [
    { name: 'Internet', sources: ['MBX1'] },
    { name: 'Filter', addressSpaces: ['*.filtered.test'], sources: ['MBX1'], smartHosts: ['[192.0.2.1]', 'f.test:26'] },
    { name: 'Country', addressSpaces: ['*.country.test'], sources: ['MBX2'] },
  ],
};

let store: Store;
beforeEach(() => {
  store = openStore(':memory:', { purpose: 'write' });
  const meta = { actor: 'test', command: 'apply', message: null };
  applyEstate(store, { text: JSON.stringify(estate), fileName: 'estate.json', prune: false }, meta, {});
});
afterEach(() => store.close());

function ask(to: string, flags: Partial<MailFlags> = {}): Answer {
  const asked = { on: undefined, down: [], port: 717, clientIp: '10.0.1.1', to: [to], ...flags };
  return testMailRouting(storedEstate(store, undefined), asked);
}

/** What people see, one line a step, its blanks run together. */
const linesOf = (answer: Answer): string[] =>
  answerText(answer)
    .split('\n')
    .map((line) => line.trim().replace(/ +/g, ' '));

test('mail that a server hands over: the connector, whose place, and by MX', () => {
  const answer = ask('x@fabrikam.com');
  expect(linesOf(answer)).toEqual([
    'receive-connector/chosen "Outbound"; the client counts as server',
    'recipient/accept x@fabrikam.com is of class external',
    'send-connector/chosen Internet (cost 0+1, 0 hops) for fabrikam.com',
    'outbound/send MBX1 hands over mail for fabrikam.com; CAS1 sends it',
    'outbound/next-hop "Internet" sends by MX of fabrikam.com',
    'send by connector "Internet"',
    '',
  ]);
  expect(answer).toMatchObject({
    outcome: 'send',
    reason: 'send-connector',
    deliveryGroup: { kind: 'connector', name: 'Internet' },
    connector: 'Internet',
    receiveConnector: 'Outbound',
    targets: [],
    reply: null,
  });
  expect(answer.deliveryType).toBeUndefined();
});

test('smart hosts stand as they are written', () => {
  const lines = linesOf(ask('x@filtered.test'));
  expect(lines).toContain('outbound/next-hop "Filter" sends to [192.0.2.1], f.test:26, taking turns');
  expect(lines.at(-2)).toBe('send by connector "Filter"');
});

test('sources elsewhere are named with their address', () => {
  const lines = linesOf(ask('x@country.test'));
  expect(lines).toContain('outbound/sources MBX1 hands over mail for country.test; the sources go on with it');
  expect(lines.at(-2)).toBe('proxy by connector "Country" to MBX2 (mbx2.contoso.com:2525)');
});

test('a recipient with another next hop, and one without any', () => {
  const answer = ask('x@fabrikam.com', { to: ['x@fabrikam.com', 'x@filtered.test'] });
  expect(answer.recipients[1]).toMatchObject({ verdict: 'defer', reply: { code: 452, enhanced: '4.5.3' } });
  const tooLarge = linesOf(ask('x@fabrikam.com', { size: '40MB' }));
  expect(tooLarge.at(-2)).toBe('reject 552 5.3.4 Message size exceeds the limit of every send connector');
});

test('a server whose host is a name is known by what --dns says, and the refusal tells so', () => {
  const refused = ask('x@fabrikam.com', { clientIp: '10.0.1.2', port: 25 });
  expect(refused).toMatchObject({ outcome: 'reject', reply: { enhanced: '5.7.1' } });
  const hint =
    'mbx2.contoso.com not looked up here; if 10.0.1.2 is one of them, add --dns mbx2.contoso.com=10.0.1.2; a front end that cannot find one either may answer 451';
  expect(refused.trace.at(-1)).toEqual({ rule: 'server-hosts/unknown', detail: hint });
  const known = ask('x@fabrikam.com', { clientIp: '10.0.1.2', dns: ['mbx2.contoso.com=10.0.1.2'] });
  expect(linesOf(known)).toContain('outbound/send MBX2 hands over mail for fabrikam.com; CAS1 sends it');
  const stranger = ask('x@fabrikam.com', { clientIp: '203.0.113.9', port: 25, dns: ['mbx2.contoso.com=nxdomain'] });
  expect(stranger.trace.map(({ rule }) => rule)).not.toContain('server-hosts/unknown');
});
