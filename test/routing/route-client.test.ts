import { describe, expect, test } from 'vitest';
import { allUp, downServers } from '../../src/routing/availability.js';
import type { Decision } from '../../src/routing/decision.js';
import type { ClientQuestion } from '../../src/routing/route-client.js';
import { cookieOf, cookieStep, routeClient } from '../../src/routing/route-client.js';
import type { Server, Site } from '../../src/topology/catalogue/catalogue.js';
import { webServices } from '../../src/topology/components.js';
import { askFor, contoso, contosoWith } from './contoso.js';

/** `proxy MBX3:444`, `302 https://…`, or outcome, code and enhanced code. */
function wordsOf({ outcome, reply, location, targets }: Decision): string {
  if (targets.length > 0) return `${outcome} ${targets.map(({ server, port }) => `${server}:${port}`).join(' ')}`;
  if (location !== null) return `${reply?.code} ${location}`;
  return [outcome, reply?.code, reply?.enhanced].filter(Boolean).join(' ');
}

const failingAt =
  (names: string, service = 'owa') =>
  (server: Server, wanted: string): boolean =>
    wanted === service && names.split(' ').includes(server.name);

describe('a client of kim, whose mailbox is in Branch, at HQ', () => {
  const region = 'https://region.contoso.com/x';
  type Services = Site['services'];
  const redirecting = { externalUrl: region, crossSite: 'redirect' } as const;
  const silent = { externalUrl: region, crossSite: null };
  const all = (service: Services['owa']): Services => Object.fromEntries(webServices.map((name) => [name, service]));
  const cases: ReadonlyArray<
    readonly [what: string, protocol: string, branch: Services, host: string | null, expected: string]
  > = [
    ['owa, nothing said', 'owa', all(silent), null, `302 ${region}`],
    ['ecp, nothing said', 'ecp', all(silent), null, `302 ${region}`],
    ['eas, nothing said', 'eas', all(silent), null, 'proxy MBX3:444'],
    ['ews, nothing said', 'ews', all(silent), null, 'proxy MBX3:444'],
    ['owa, redirect', 'owa', all(redirecting), null, `302 ${region}`],
    ['eas, redirect', 'eas', all(redirecting), null, `451 ${region}`],
    ['ews, redirect: its clients do not follow', 'ews', all(redirecting), null, 'proxy MBX3:444'],
    ['mapi, redirect', 'mapi', all(redirecting), null, 'proxy MBX3:444'],
    ['rpc, redirect', 'rpc', all(redirecting), null, 'proxy MBX3:444'],
    ['oab, redirect', 'oab', all(redirecting), null, 'proxy MBX3:444'],
    ['autodiscover, redirect', 'autodiscover', all(redirecting), null, 'proxy MBX3:444'],
    ['powershell, redirect', 'powershell', all(redirecting), null, 'proxy MBX3:444'],
    ['imap', 'imap', all(redirecting), null, 'proxy MBX3:1993'],
    ['pop', 'pop', all(redirecting), null, 'proxy MBX3:1995'],
    ['owa, proxy', 'owa', all({ externalUrl: region, crossSite: 'proxy' }), null, 'proxy MBX3:444'],
    ['owa, no address outside', 'owa', all({ externalUrl: null, crossSite: 'redirect' }), null, 'proxy MBX3:444'],
    ['eas, no address outside', 'eas', all({ externalUrl: null, crossSite: 'redirect' }), null, 'proxy MBX3:444'],
    ['owa, only ecp has an address', 'owa', { ecp: redirecting }, null, 'proxy MBX3:444'],
    ['owa, the client is there already', 'owa', all(redirecting), 'region.contoso.com', 'proxy MBX3:444'],
    ['the same in capitals, with a port', 'owa', all(redirecting), 'REGION.contoso.com:443', 'proxy MBX3:444'],
    ['owa, the client is elsewhere', 'owa', all(redirecting), 'mail.contoso.com', `302 ${region}`],
    [
      'owa, the name of HQ itself',
      'owa',
      all({ ...redirecting, externalUrl: 'https://HQ.contoso.com/owa' }),
      null,
      'proxy MBX3:444',
    ],
    [
      'eas, the name of HQ itself',
      'eas',
      all({ ...redirecting, externalUrl: 'https://hq.contoso.com/eas' }),
      null,
      'proxy MBX3:444',
    ],
  ];
  test.each(cases)('%s', (_what, protocol, branch, host, expected) => {
    const here = all({ externalUrl: 'https://hq.contoso.com/owa', crossSite: null });
    const estate = contosoWith({
      sites: [
        { name: 'HQ', services: here },
        { name: 'Branch', services: branch },
      ],
    });
    const headers: Record<string, string> = host === null ? {} : { host };
    const decision = routeClient(
      askFor(estate, { protocol, user: 'kim', url: protocol === 'owa' ? '/owa/' : null, headers }),
    );
    expect(wordsOf(decision)).toBe(expected);
  });

  test.each([
    ['https://region.contoso.com/owa/', 'proxy MBX3:444'],
    ['https://mail.contoso.com/owa/', `302 ${region}`],
  ])('the host of a whole URL counts: %s', (url, expected) => {
    const estate = contosoWith({ sites: [{ name: 'HQ' }, { name: 'Branch', services: { owa: silent } }] });
    expect(wordsOf(routeClient(askFor(estate, { user: 'kim', url })))).toBe(expected);
  });

  test('in Branch there is nothing to redirect', () => {
    const estate = contosoWith({ sites: [{ name: 'HQ' }, { name: 'branch', services: { owa: silent } }] });
    expect(wordsOf(routeClient(askFor(estate, { on: 'CAS2', user: 'kim', url: '/owa/' })))).toBe('proxy MBX3:444');
  });
});

describe('the pages of the front end itself', () => {
  const withState = (component: Server['components'][number]['component']) =>
    contosoWith({
      servers: contoso.servers.map((server) =>
        server.name === 'CAS1'
          ? { ...server, components: [{ component, requester: 'maintenance', state: 'inactive' }] }
          : server,
      ),
    });
  test.each([
    ['/', 'up', '302 /owa'],
    ['/?x=y', 'up', '302 /owa'],
    ['https://mail.contoso.com', 'up', '302 /owa'],
    ['/', 'down', 'unavailable 503'],
    ['/owa/healthcheck.htm', 'up', 'serve 200'],
    ['/OWA/HealthCheck.htm', 'up', 'serve 200'],
    ['/owa/healthcheck.htm?x=y', 'up', 'serve 200'],
    ['/owa/healthcheck.htm', 'down', 'serve 503'],
    ['/owa/healthcheck.html', 'up', 'proxy MBX1:444 MBX2:444'],
    ['/owa/x/healthcheck.htm', 'up', 'proxy MBX1:444 MBX2:444'],
    ['/owa/x/../healthcheck.htm', 'up', 'serve 200'],
    ['/owa/', 'down', 'unavailable 503'],
  ])('%s, %s: %s', (url, state, expected) => {
    const estate = state === 'up' ? contosoWith({}) : withState('owa-proxy');
    expect(wordsOf(routeClient(askFor(estate, { url })))).toBe(expected);
  });

  test('the health page names the front end', () => {
    const { reply } = routeClient(askFor(contosoWith({}), { url: '/owa/healthcheck.htm' }));
    expect(reply?.text).toContain('CAS1');
  });

  test.each([
    ['/', 'HEAD', '302 /owa'],
    ['/', 'POST', 'reject 404'],
    ['/owa/healthcheck.htm', 'GET', 'serve 200'],
    ['/owa/healthcheck.htm', 'HEAD', 'serve 200'],
    ['/owa/healthcheck.htm', 'POST', 'proxy MBX1:444 MBX2:444'],
  ])('%s by %s: %s', (url, method, expected) => {
    expect(wordsOf(routeClient(askFor(contosoWith({}), { url, method })))).toBe(expected);
  });

  const withDav = (servers: readonly Server[]) =>
    contosoWith({ servers, httpServices: [{ name: 'dav', path: '/apps/dav', port: 8443 }] });
  const { servers } = contosoWith({}).topology;

  test.each([
    ['/apps/dav/healthcheck.htm', 'serve 200'],
    ['/APPS/dav/HealthCheck.htm', 'serve 200'],
    ['/apps/healthcheck.htm', 'proxy MBX1:8443 MBX2:8443'],
    ['/apps/dav/x/healthcheck.htm', 'proxy MBX1:8443 MBX2:8443'],
  ])('of a further service, %s: %s', (url, expected) => {
    expect(wordsOf(routeClient(askFor(withDav(servers), { protocol: 'dav', url })))).toBe(expected);
  });

  test.each([
    ['CAS1', 'dav-proxy', 'serve 503'],
    ['CAS1', 'owa-proxy', 'serve 200'],
    ['MBX1', 'dav', 'serve 200'],
    ['MBX1 MBX2 MBX3', 'dav', 'serve 503'],
    ['MBX1 MBX2 MBX3', 'owa', 'serve 200'],
    ['MBX1 MBX2 MBX3', 'server-wide', 'serve 503'],
  ])('of a further service, %s without %s: %s', (names, component, expected) => {
    const entry = { component, requester: 'maintenance', state: 'draining' } as const;
    const broken = servers.map((server) => (names.includes(server.name) ? { ...server, components: [entry] } : server));
    const question = askFor(withDav(broken), { protocol: 'dav', url: '/apps/dav/healthcheck.htm' });
    expect(wordsOf(routeClient(question))).toBe(expected);
  });

  test.each([
    ['MBX1 MBX2', '', 200],
    ['', 'MBX1 MBX2 MBX3', 503],
    ['MBX1 MBX3', 'MBX2', 503],
  ])('with %j failing and %j down, the health page is %i', (failing, down, code) => {
    const availability = { ...downServers(down.split(' ')), isFailing: failingAt(failing) };
    const { outcome, reply } = routeClient(askFor(contosoWith({}), { url: '/owa/healthcheck.htm', availability }));
    expect([outcome, reply?.code]).toEqual(['serve', code]);
  });

  test('another service out of order is no matter', () => {
    expect(wordsOf(routeClient(askFor(withState('ecp-proxy'), { url: '/owa/healthcheck.htm' })))).toBe('serve 200');
  });
});

describe('where a client goes', () => {
  const anchor = { 'x-anchormailbox': 'kim@contoso.com' };
  test.each([
    ['owa', 'ann', {}, '', 'proxy MBX1:444'],
    ['owa', 'ann', anchor, '', 'proxy MBX3:444'],
    ['imap', 'ann', {}, '', 'proxy MBX1:1993'],
    ['pop', 'bob', {}, '', 'proxy MBX2:1995'],
    ['owa', 'ann', {}, 'MBX1', 'unavailable 503'],
    ['imap', 'ann', {}, 'MBX1', 'unavailable NO UNAVAILABLE'],
    ['pop', 'ann', {}, 'MBX1', 'unavailable -ERR SYS/TEMP'],
    ['owa', 'lost', {}, '', 'unavailable 503'],
    ['imap', 'lost', {}, '', 'unavailable NO UNAVAILABLE'],
    ['owa', 'nobody', {}, '', 'proxy MBX1:444 MBX2:444'],
    ['owa', 'all', {}, '', 'proxy MBX1:444 MBX2:444'],
    ['owa', null, {}, '', 'proxy MBX1:444 MBX2:444'],
    ['owa', null, {}, 'MBX1', 'proxy MBX2:444'],
    ['owa', null, {}, 'MBX1 MBX2', 'proxy MBX3:444'],
    ['owa', null, {}, 'MBX1 MBX2 MBX3', 'unavailable 503'],
    ['imap', 'nobody', {}, '', 'reject NO AUTHENTICATIONFAILED'],
    ['imap', 'all', {}, '', 'reject NO AUTHENTICATIONFAILED'],
    ['pop', 'nobody', {}, '', 'reject -ERR AUTH'],
    ['pop', null, {}, '', 'reject -ERR AUTH'],
  ] as const)('%s as %s with %j, down "%s": %s', (protocol, user, headers, down, expected) => {
    const availability = downServers(down.split(' '));
    const decision = routeClient(askFor(contosoWith({}), { protocol, user, headers, availability }));
    expect(wordsOf(decision)).toBe(expected);
    expect(decision.trace).not.toHaveLength(0);
  });

  test('the own site comes first, then the nearer ones', () => {
    const { targets, fallback, deliveryGroup } = routeClient(askFor(contosoWith({}), { url: '/owa/x.png' }));
    expect([targets, ...fallback].map((set) => set.map((target) => target.server))).toEqual([
      ['MBX1', 'MBX2'],
      ['MBX3'],
    ]);
    expect(deliveryGroup).toEqual({ kind: 'local-site', name: 'HQ' });
  });

  test('clients go by the cost of links, mail by the mail cost', () => {
    const links = [{ name: 'wire', sites: ['HQ', 'Branch'], cost: 10, mailCost: 70 }];
    const { path } = routeClient(askFor(contosoWith({ links }), { user: 'kim', protocol: 'imap' }));
    expect(path).toEqual({ sites: ['HQ', 'Branch'], cost: 10 });
  });

  test.each([
    ['owa', { owa: false }, 'reject 403'],
    ['owa', { ecp: false }, 'proxy MBX1:444'],
    ['imap', { imap: false }, 'reject NO AUTHENTICATIONFAILED'],
    ['pop', { pop: false }, 'reject -ERR AUTH'],
    ['imap', { imap: true }, 'proxy MBX1:1993'],
  ] as const)('%s with protocols %j: %s', (protocol, protocols, expected) => {
    const estate = contosoWith({ mailboxes: [{ address: 'ann@contoso.com', database: 'DB1', protocols }] });
    expect(wordsOf(routeClient(askFor(estate, { protocol, user: 'ann' })))).toBe(expected);
  });
});

describe('servers that were not reached lately', () => {
  const ask = (names: string, given: Partial<ClientQuestion>) =>
    routeClient(
      askFor(contosoWith({}), { availability: { ...allUp, isFailing: failingAt(names) }, ...given, headers: {} }),
    );
  const orderOf = ({ targets, fallback }: Decision): string =>
    [targets, ...fallback].map((set) => set.map(({ server }) => server).join(' ')).join(', ');

  test.each([
    ['', 'MBX1 MBX2, MBX3'],
    ['MBX1', 'MBX2, MBX3, MBX1'],
    ['MBX1 MBX2', 'MBX3, MBX1 MBX2'],
    ['MBX3', 'MBX1 MBX2, MBX3'],
    ['MBX1 MBX3', 'MBX2, MBX1, MBX3'],
    ['MBX1 MBX2 MBX3', 'MBX1 MBX2, MBX3'],
  ])('%j come last for a stranger: %s', (names, expected) => {
    expect(orderOf(ask(names, {}))).toBe(expected);
  });

  test('are still asked for the mailboxes they hold', () => {
    expect(orderOf(ask('MBX1', { user: 'ann' }))).toBe('MBX1');
  });

  test('at another service are no matter', () => {
    expect(orderOf(ask('MBX1', { protocol: 'ecp' }))).toBe('MBX1 MBX2, MBX3');
  });
});

describe('a service that the administrator named', () => {
  const estate = contosoWith({
    httpServices: [
      { name: 'dav', path: '/dav' },
      { name: 'Files', path: '/files', port: 9443 },
    ],
  });

  test.each([
    ['dav', 'kim', 'proxy MBX3:444'],
    ['files', 'kim', 'proxy MBX3:9443'],
    ['Files', null, 'proxy MBX1:9443 MBX2:9443'],
    ['nothing', 'kim', 'reject 404'],
  ])('%s as %s: %s', (protocol, user, expected) => {
    expect(wordsOf(routeClient(askFor(estate, { protocol, user, url: '/dav/' })))).toBe(expected);
  });

  test('has its port in the fallback too', () => {
    const { fallback } = routeClient(askFor(estate, { protocol: 'Files' }));
    expect(fallback).toEqual([[{ server: 'MBX3', host: '10.0.1.3', port: 9443, site: 'Branch' }]]);
  });

  test('is nothing that a mailbox can be without', () => {
    const mailboxes = [{ address: 'ann@contoso.com', database: 'DB1', protocols: { owa: false } }];
    const own = contosoWith({ httpServices: [{ name: 'dav', path: '/dav' }], mailboxes });
    expect(wordsOf(routeClient(askFor(own, { protocol: 'dav', user: 'ann' })))).toBe('proxy MBX1:444');
  });
});

describe('what a decision says of the mailbox', () => {
  const estate = contosoWith({});
  const affinity = { 'x-preferserveraffinity': 'true' };
  const remembered = { session: 'ann@contoso.com', override: 'ann@contoso.com', isRenewalDue: false };
  const old = { ...remembered, isRenewalDue: true };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const login = { url: '/owa/auth.owa', method: 'POST', headers: form, body: 'username=Ann.Smith@contoso.com' };
  type Given = Parameters<typeof askFor>[1];
  const cases: ReadonlyArray<
    readonly [what: string, given: Given, mailbox: string | null, hint: string | null, cookie: string | null]
  > = [
    ['nobody', {}, null, null, null],
    ['nobody, with affinity', { headers: affinity }, null, null, null],
    ['a user', { user: 'ann' }, 'ann@contoso.com', 'user', null],
    ['a user, with affinity', { user: 'ann', headers: affinity }, 'ann@contoso.com', 'user', 'override'],
    [
      'an anchor, with affinity',
      { user: 'bob', headers: { ...affinity, 'x-anchormailbox': 'ANN@contoso.com' } },
      'ann@contoso.com',
      'anchor-mailbox',
      'override',
    ],
    ['the override cookie', { headers: affinity, cookies: remembered }, 'ann@contoso.com', 'override-cookie', null],
    ['an old one', { headers: affinity, cookies: old }, 'ann@contoso.com', 'override-cookie', 'override'],
    ['a forms login by an alias', login, 'ann@contoso.com', 'forms-login', 'session'],
    ['the session cookie', { cookies: remembered }, 'ann@contoso.com', 'session-cookie', null],
    ['an old session cookie', { cookies: old }, 'ann@contoso.com', 'session-cookie', 'session'],
    ['an old session cookie beside a user', { user: 'bob', cookies: old }, 'bob@contoso.com', 'user', null],
    ['a mailbox without a server', { user: 'lost', headers: affinity }, 'lost@contoso.com', 'user', null],
    ['the front page', { url: '/', user: 'ann', headers: affinity }, null, null, null],
    ['IMAP', { protocol: 'imap', user: 'ann' }, 'ann@contoso.com', 'user', null],
  ];
  test.each(cases)('%s', (_what, given, mailbox, hint, cookie) => {
    const question = askFor(estate, given);
    const decision = routeClient(question);
    const step = cookieStep(decision, question);
    expect({ mailbox: decision.mailbox, hint: decision.hint }).toEqual({ mailbox, hint });
    expect(cookieOf(decision, question)).toBe(cookie);
    expect(step?.rule ?? null).toBe(cookie && `route-cookie/${cookie}`);
  });

  test('the hints that are known already are not looked for again', () => {
    const hints = [{ rule: 'user', value: 'kim' }] as const;
    expect(wordsOf(routeClient(askFor(estate, { user: 'ann', hints })))).toBe('proxy MBX3:444');
  });

  test('no step holds what is secret', () => {
    const claims = Buffer.from(JSON.stringify({ upn: 'ann@contoso.com', secret: 'p4ss' })).toString('base64url');
    const basic = `Basic ${Buffer.from('ann:p4ss').toString('base64')}`;
    const asked: Given[] = [
      { headers: { authorization: basic } },
      { headers: { authorization: `Bearer e30.${claims}.c2ln` } },
      { ...login, body: 'username=ann&password=p4ss' },
      { ...login, body: 'username=nobody&password=p4ss' },
    ];
    for (const given of asked) {
      const text = JSON.stringify(routeClient(askFor(estate, given)));
      for (const secret of ['p4ss', claims, basic.slice(6)]) expect(text).not.toContain(secret);
    }
  });
});
