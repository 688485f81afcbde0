import { describe, expect, test } from 'vitest';
import { downServers } from '../../src/routing/availability.js';
import type { Decision } from '../../src/routing/decision.js';
import { addRecipient, type Envelope, emptyEnvelope } from '../../src/routing/mail-recipients.js';
import type { MailSession } from '../../src/routing/mail-session.js';
import { isHandedOver } from '../../src/routing/outbound-mail.js';
import { chooseServer, type MailQuestion, routeMail } from '../../src/routing/route-mail.js';
import { endpointDefaults } from '../../src/topology/endpoints.js';
import type { BuiltEstate, EstateParts } from './build-estate.js';
import { contoso, contosoWith, mailTo } from './contoso.js';

type Given = Partial<MailQuestion> & { readonly on?: string };

const megabyte = 1024 ** 2;
const ofMbx1 = '10.0.1.1';
const ofMbx3 = '10.0.1.3';
const trusting = { permissionGroups: ['servers'], auth: ['tls', 'external-authoritative'] } as const;

/** HQ has the doors of a front end; MBX1 sends for the world, MBX2 to a filter, MBX3 in Branch for its country. */
const doors: EstateParts = {
  receiveConnectors: [
    { name: 'Default Frontend' },
    { name: 'Client Frontend', bindings: ['0.0.0.0:587'], permissionGroups: ['users'] },
    { name: 'Outbound', bindings: ['0.0.0.0:717', '[::]:717'], permissionGroups: ['servers'] },
    { name: 'Relay out', bindings: ['0.0.0.0:717'], remoteRanges: ['203.0.113.9'], ...trusting },
    { name: 'Relay in', remoteRanges: ['203.0.113.9'], ...trusting },
    { name: 'Relay both', bindings: ['0.0.0.0:717', '0.0.0.0:25'], remoteRanges: ['203.0.113.10'], ...trusting },
    { name: 'Open', remoteRanges: ['203.0.113.11', '10.0.1.2'], permissionGroups: ['anonymous'], anonymousRelay: true },
  ],
};
const ways: EstateParts = {
  ...doors,
  sendConnectors: [
    { name: 'Internet', addressSpaces: ['*'], sources: ['MBX1'], maxMessageSize: 10 * megabyte },
    {
      name: 'Filter',
      addressSpaces: ['*.filtered.test', '*.bücher.test'],
      sources: ['MBX2'],
      smartHosts: ['f1', 'f2'],
    },
    { name: 'Country', addressSpaces: ['*.country.test'], sources: ['MBX3'] },
    { name: 'Partner', addressSpaces: ['external.test'], sources: ['MBX1'], enabled: false },
    { name: 'Secret', addressSpaces: ['secret.test'], sources: ['MBX3'], scoped: true, maxMessageSize: megabyte },
  ],
};

const ask = (given: Given, parts: EstateParts = ways): Decision => routeMail(mailTo(contosoWith(parts), given));

/** `send Internet`, `proxy Country to MBX3`, `reject 550 5.4.4`. */
function words({ outcome, connector, targets, reply }: Decision): string {
  const to = targets.length > 0 ? `to ${targets.map(({ server }) => server).join(' ')}` : '';
  return [outcome, connector, to, reply?.code, reply?.enhanced].filter(Boolean).join(' ');
}

const answersOf = ({ recipients }: Decision): string =>
  recipients.map(({ reply }) => (reply === null ? '250' : `${reply.code} ${reply.enhanced}`)).join(', ');

/** From MBX1 at the door for servers, unless said otherwise. */
const fromMbx1 = (to: string, given: Given = {}): Given => ({
  port: 717,
  clientAddress: ofMbx1,
  to: to.split(' '),
  ...given,
});

describe('who hands over mail that leaves here', () => {
  const toServers = 'proxy to MBX1 MBX2';
  test.each<[string, Given, string]>([
    ['an own server at the door for it', { port: 717, clientAddress: ofMbx1 }, 'send Internet'],
    ['an own server at port 25', { clientAddress: ofMbx1 }, 'send Internet'],
    ['an own server, its address mapped to IPv6', { clientAddress: `::ffff:${ofMbx1}`, port: 717 }, 'send Internet'],
    ['a trusted relay at the door for it', { port: 717, clientAddress: '203.0.113.9' }, 'send Internet'],
    ['a trusted relay at port 25', { clientAddress: '203.0.113.9' }, toServers],
    ['a trusted relay where one connector has both ports', { port: 717, clientAddress: '203.0.113.10' }, toServers],
    ['a stranger at the door for servers', { port: 717, clientAddress: '198.51.100.1' }, 'reject 530 5.7.1'],
    ['a stranger', { clientAddress: '198.51.100.1' }, 'reject 550 5.7.1'],
    ['a stranger who may relay', { clientAddress: '203.0.113.11' }, toServers],
    ['an own server that counts as a stranger', { clientAddress: '10.0.1.2' }, toServers],
    ['a front end of ours', { clientAddress: '10.0.0.2' }, 'reject 550 5.7.1'],
    ['a user', { port: 587, user: 'ann', from: 'ann' }, 'proxy to MBX1'],
    ['a user at the address of an own server', { clientAddress: ofMbx1, user: 'ann', from: 'ann' }, 'proxy to MBX1'],
  ])('%s', (_who, given, expected) => {
    expect(words(ask({ to: ['x@elsewhere.test'], ...given }))).toBe(expected);
  });

  test('the door for it is the port that the front end says', () => {
    const { topology, directory } = contosoWith({
      ...doors,
      servers: contoso.servers.map((server) =>
        server.name === 'CAS2'
          ? { ...server, endpoints: { ...endpointDefaults, outboundProxy: { ...endpointDefaults.smtp, port: 2717 } } }
          : server,
      ),
    });
    const connector = topology.receiveConnectors.find(({ name }) => name === 'Relay out');
    const handedOver = ['CAS1', 'CAS2', 'CAS1'].map((name) => {
      const frontEnd = topology.server(name);
      if (!frontEnd || !connector) throw new Error(`the estate lacks ${name}`);
      return isHandedOver({
        topology,
        directory,
        frontEnd,
        connector,
        clientAddress: '203.0.113.9',
        user: null,
        screening: null,
      });
    });
    expect(handedOver).toEqual([true, false, true]);
  });
});

describe('from whose place the way is chosen, and who sends', () => {
  const near = { name: 'A near', addressSpaces: ['*'], sources: ['MBX1'] };
  const far = { name: 'B far', addressSpaces: ['*'], sources: ['MBX3'] };
  const both = [near, far];
  test.each<[string, NonNullable<EstateParts['sendConnectors']>, Given, string]>([
    ['a server of the own site: the near one', both, {}, 'send A near'],
    ['a server of the other site: the one near to it, which is its own', both, { clientAddress: ofMbx3 }, 'send B far'],
    ['asked in its own site', both, { clientAddress: ofMbx3, on: 'CAS2' }, 'send B far'],
    ['a relay: from the place of the front end', both, { clientAddress: '203.0.113.9' }, 'send A near'],
    ['a relay, elsewhere', both, { clientAddress: '203.0.113.9', on: 'CAS2' }, 'send B far'],
    ['the source is next door', [{ ...near, sources: ['MBX2'] }], {}, 'send A near'],
    ['the source is elsewhere', [far], {}, 'proxy B far to MBX3'],
    ['the server is elsewhere, and the source is here', [near], { clientAddress: ofMbx3 }, 'send A near'],
    ['one source here, one elsewhere', [{ ...far, sources: ['MBX3', 'MBX2'] }], {}, 'send B far'],
    ['a front end is no source', [{ ...far, sources: ['CAS1', 'MBX3'] }], {}, 'proxy B far to MBX3'],
    [
      'unless it is the one that is asked, and nobody handed over that we know',
      [{ ...far, sources: ['CAS1', 'MBX3'], frontEndProxy: true }],
      { clientAddress: '203.0.113.9' },
      'send B far',
    ],
    ['frontEndProxy or not, the mail is here now', [{ ...near, frontEndProxy: true }], {}, 'send A near'],
    ['scoped, and in scope', [{ ...near, scoped: true }], {}, 'send A near'],
    [
      'scoped, and out of scope for the server',
      [{ ...near, scoped: true }],
      { clientAddress: ofMbx3 },
      'reject 550 5.4.4',
    ],
    ['switched off', [{ ...near, enabled: false }, far], {}, 'proxy B far to MBX3'],
    ['the source is unreachable', [far], { availability: downServers(['MBX3']) }, 'defer B far 451 4.4.1'],
  ])('%s', (_what, sendConnectors, given, expected) => {
    expect(words(ask(fromMbx1('x@elsewhere.test', given), { ...doors, sendConnectors }))).toBe(expected);
  });

  const shared = (hosts: Readonly<Record<string, string>>): EstateParts => ({
    ...doors,
    servers: contoso.servers.map((server) => ({ ...server, host: hosts[server.name] ?? server.host })),
    sendConnectors: [
      { name: 'Of MBX1', addressSpaces: ['*;10'], sources: ['MBX1'] },
      { name: 'Of MBX2', addressSpaces: ['*;10'], sources: ['MBX2'] },
      { name: 'Of MBX3', addressSpaces: ['*;1'], sources: ['MBX3'] },
    ],
  });
  test.each([
    ['two of the site: the first by name', { MBX2: ofMbx1 }, 'CAS1', 'send Of MBX1'],
    ['one of the site, one elsewhere: that of the site', { MBX3: ofMbx1 }, 'CAS2', 'send Of MBX3'],
    ['none of the site: the first by name', { MBX2: ofMbx1 }, 'CAS2', 'send Of MBX1'],
  ])('several servers at one address, %s', (_what, hosts, on, expected) => {
    expect(words(ask(fromMbx1('x@elsewhere.test', { on }), shared(hosts)))).toBe(expected);
  });

  test('a hub site on the way to the sources stands in for them', () => {
    const estate: EstateParts = {
      ...doors,
      sites: [{ name: 'HQ' }, { name: 'Hub', hub: true }, { name: 'Branch' }],
      links: [
        { name: 'a', sites: ['HQ', 'Hub'], cost: 10 },
        { name: 'b', sites: ['Hub', 'Branch'], cost: 10, maxMessageSize: megabyte },
      ],
      servers: [...contoso.servers, { name: 'MBX4', host: '10.0.1.4', site: 'Hub' }],
      sendConnectors: [far],
    };
    const decision = ask(fromMbx1('x@elsewhere.test'), estate);
    expect(words(decision)).toBe('proxy B far to MBX4');
    expect(decision).toMatchObject({
      deliveryGroup: { kind: 'site', name: 'Hub' },
      path: { sites: ['HQ', 'Hub'], cost: 10 },
    });
    const large = ask(fromMbx1('x@elsewhere.test', { sizeBytes: 2 * megabyte }), estate);
    expect(words(large)).toBe('reject B far 552 5.3.4');
    expect(large.reason).toBe('link-size');
  });
});

describe('recipients share a transaction when they share the next hop', () => {
  const twice = '452 4.5.3';
  test.each([
    ['one domain', 'a@x.test b@X.TEST.', '250, 250', 'send Internet'],
    ['two domains by MX', 'a@x.test b@y.test', `250, ${twice}`, 'send Internet'],
    ['a domain and one below it by MX', 'a@x.test b@sub.x.test', `250, ${twice}`, 'send Internet'],
    ['two domains by one smart host connector', 'a@filtered.test b@sub.filtered.test', '250, 250', 'send Filter'],
    ['two domains to the sources elsewhere', 'a@country.test b@sub.country.test', '250, 250', 'proxy Country to MBX3'],
    ['two connectors', 'a@filtered.test b@x.test c@filtered.test', `250, ${twice}, 250`, 'send Filter'],
    ['here and to the sources elsewhere', 'a@x.test b@country.test', `250, ${twice}`, 'send Internet'],
    ['a mailbox, then outside', 'ann@contoso.com a@x.test ann@contoso.com', `250, ${twice}, 250`, 'proxy to MBX1 MBX2'],
    ['outside, then a mailbox', 'a@x.test ann@contoso.com a@x.test', `250, ${twice}, 250`, 'send Internet'],
    ['outside, then a group', 'a@x.test all@contoso.com', `250, ${twice}`, 'send Internet'],
    ['a group, then outside', 'all@contoso.com a@x.test', `250, ${twice}`, 'proxy to MBX1 MBX2'],
    ['outside, then a contact', 'a@x.test friend@contoso.com', `250, ${twice}`, 'send Internet'],
    ['a contact, then outside', 'friend@contoso.com friend@elsewhere.test', `250, ${twice}`, 'proxy to MBX1 MBX2'],
    ['outside, then an unknown one of ours', 'a@x.test nobody@contoso.com', `250, ${twice}`, 'send Internet'],
    ['an unknown one of ours is never sent out', 'nobody@contoso.com', '250', 'proxy to MBX1 MBX2'],
    ['a relayed domain and another', 'a@internal.test a@external.test', `250, ${twice}`, 'send Internet'],
    ['below a relayed domain', 'a@deep.external.test', '250', 'send Internet'],
    ['no address', 'a@ a@x.test', '501 5.1.3, 250', 'send Internet'],
    ['an address literal', 'a@[192.0.2.1] b@[192.0.2.1] c@[192.0.2.2]', `250, 250, ${twice}`, 'send Internet'],
    ['A-labels and U-labels', 'a@bücher.test b@xn--bcher-kva.test c@BÜCHER.test', '250, 250, 250', 'send Filter'],
    ['the same by MX', 'a@käse.test b@xn--kse-qla.test c@kase.test', `250, 250, ${twice}`, 'send Internet'],
  ])('%s', (_what, to, answers, expected) => {
    const decision = ask(fromMbx1(to));
    expect([answersOf(decision), words(decision)]).toEqual([answers, expected]);
  });

  test('a known address of a relayed domain stays in the estate', () => {
    const estate = { ...ways, mailboxes: [...contoso.mailboxes, { address: 'pat@external.test', database: 'DB1' }] };
    const decision = ask(fromMbx1('pat@external.test someone@external.test'), estate);
    expect([answersOf(decision), words(decision)]).toEqual(['250, 452 4.5.3', 'proxy to MBX1 MBX2']);
  });

  test('who is to come again is told so', () => {
    const { recipients } = ask(fromMbx1('a@x.test b@y.test'));
    const reply = { code: 452, enhanced: '4.5.3', text: 'Send to this recipient in another transaction' };
    expect(recipients[1]).toMatchObject({ verdict: 'defer', considered: false, reply });
  });

  test("the organization's limit of recipients counts here too", () => {
    const organization = { ...contoso.organization, maxRecipients: 2 };
    const decision = ask(fromMbx1('a@x.test b@x.test c@x.test'), { ...ways, organization });
    expect(answersOf(decision)).toBe('250, 250, 452 4.5.3');
  });
});

describe('no way out', () => {
  type Ways = NonNullable<EstateParts['sendConnectors']>;
  const none: Ways = [];
  const usual: Ways = ways.sendConnectors ?? [];
  test.each<[string, Ways, string, Given, string]>([
    ['no connector', none, 'a@x.test', {}, '550 5.4.4'],
    ['no connector for it', [{ name: 'X', addressSpaces: ['y.test'], sources: ['MBX1'] }], 'a@x.test', {}, '550 5.4.4'],
    ['only one that is switched off', [{ name: 'X', sources: ['MBX1'], enabled: false }], 'a@x.test', {}, '550 5.4.4'],
    ['sources that take mail from nobody else', [{ name: 'X', sources: ['CAS1'] }], 'a@x.test', {}, '550 5.4.4'],
    ['a relayed domain without a connector', none, 'a@external.test', {}, '550 5.4.4'],
    ['as large as is taken', usual, 'a@x.test', { sizeBytes: 10 * megabyte }, '250'],
    ['too large', usual, 'a@x.test', { sizeBytes: 10 * megabyte + 1 }, '552 5.3.4'],
    ['too large for one, not for the other', usual, 'a@filtered.test', { sizeBytes: 11 * megabyte }, '250'],
    ['one without, one with a way', usual, 'a@x.test b@filtered.test', { sizeBytes: 11 * megabyte }, '552 5.3.4, 250'],
    [
      'after one that has a way',
      [{ name: 'X', addressSpaces: ['x.test'], sources: ['MBX1'] }],
      'a@x.test b@y.test',
      {},
      '250, 550 5.4.4',
    ],
    ['after a mailbox', none, 'ann@contoso.com b@y.test', {}, '250, 550 5.4.4'],
    ['a mailbox stays reachable', none, 'b@y.test ann@contoso.com', {}, '550 5.4.4, 250'],
  ])('%s', (_what, sendConnectors, to, given, answers) => {
    expect(answersOf(ask(fromMbx1(to, given), { ...doors, sendConnectors }))).toBe(answers);
  });

  test('what is told names the domain, and the message is refused with it', () => {
    const decision = ask(fromMbx1('a@käse.test'), doors);
    const reply = { code: 550, enhanced: '5.4.4', text: 'No send connector takes mail for xn--kse-qla.test' };
    expect(decision).toMatchObject({ outcome: 'reject', reason: 'no-recipient-accepted', connector: null, reply });
  });
});

describe('the trace tells', () => {
  test.each([
    ['by MX', 'a@x.test', {}, 'MBX1 hands over mail for x.test; CAS1 sends it', '"Internet" sends by MX of x.test'],
    [
      'smart hosts',
      'a@filtered.test',
      {},
      'MBX1 hands over mail for filtered.test; CAS1 sends it',
      '"Filter" sends to f1, f2, taking turns',
    ],
    [
      'the sources',
      'a@country.test',
      {},
      'MBX1 hands over mail for country.test; the sources go on with it',
      'connector "Country" sends from MBX3: connector Country by HQ - Branch',
    ],
    [
      'a relay',
      'a@x.test',
      { clientAddress: '203.0.113.9' },
      'a trusted sender hands over mail for x.test; CAS1 sends it',
      '"Internet" sends by MX of x.test',
    ],
  ])('%s', (_what, to, given, handed, last) => {
    const { trace } = ask(fromMbx1(to, given));
    expect(trace.map(({ rule }) => rule)).toContain('send-connector/chosen');
    const details = trace.map(({ detail }) => detail);
    expect(details).toContain(handed);
    expect(details.some((detail) => detail.startsWith(last.slice(0, 38)))).toBe(true);
  });

  test('the connectors that were not chosen, and what keeps a recipient from this transaction', () => {
    const { trace } = ask(fromMbx1('a@filtered.test b@x.test'));
    const text = trace.map(({ rule, detail }) => `${rule} ${detail}`).join('\n');
    expect(text).toContain('before Internet');
    expect(text).toMatch(/recipient\/defer b@x\.test is of class external; the transaction goes out through "Filter"/);
  });

  test('why there is no way', () => {
    const rules = ask(fromMbx1('a@x.test', { sizeBytes: 20 * megabyte })).trace.map(({ rule }) => rule);
    expect(rules).toContain('send-connector/too-large');
    expect(ask(fromMbx1('a@x.test'), doors).trace.map(({ rule }) => rule)).toContain('send-connector/none');
  });
});

describe('one transaction, recipient by recipient', () => {
  function sessionOf({ topology, directory }: BuiltEstate): MailSession {
    const frontEnd = topology.server('CAS1');
    const connector = topology.receiveConnectors.find(({ name }) => name === 'Outbound');
    if (!frontEnd || !connector) throw new Error('the estate lacks its front end');
    return { topology, directory, frontEnd, connector, clientAddress: ofMbx1, user: null, screening: null };
  }
  const session = sessionOf(contosoWith(ways));
  const add = (envelope: Envelope, to: string): Envelope => addRecipient(session, envelope, to);
  /** As after a refusal of the next hop: nobody is accepted any more. */
  const takenOut = (envelope: Envelope): Envelope => ({ ...envelope, accepted: [], wayOut: null });
  const everybodyUp = downServers([]);

  test('the way is that of the first accepted recipient, and a refused one fixes nothing', () => {
    const refused = add(emptyEnvelope, 'a@');
    expect(refused.wayOut).toBeNull();
    const first = add(refused, 'a@x.test');
    expect(first.wayOut).toMatchObject({ kind: 'send', domain: 'x.test', place: { name: 'MBX1' } });
    expect(add(first, 'b@y.test').wayOut).toBe(first.wayOut);
  });

  test.each([
    ['another domain', 'a@x.test', 'b@y.test', 'send Internet'],
    ['a mailbox', 'a@x.test', 'ann@contoso.com', 'proxy to MBX1 MBX2'],
    ['outside after a mailbox', 'ann@contoso.com', 'b@country.test', 'proxy Country to MBX3'],
  ])('with the first one taken out again, another next hop is free: %s', (_what, first, next, expected) => {
    const envelope = add(takenOut(add(emptyEnvelope, first)), next);
    expect(envelope.recipients.at(-1)).toMatchObject({ verdict: 'accept', reply: null });
    expect(words(chooseServer(session, envelope, everybodyUp, null))).toBe(expected);
  });
});
