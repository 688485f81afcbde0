import { describe, expect, test } from 'vitest';
import { downServers } from '../../src/routing/availability.js';
import type { ClientProtocol } from '../../src/routing/client-protocols.js';
import type { Decision } from '../../src/routing/decision.js';
import { routeClient } from '../../src/routing/route-client.js';
import type { Server, Site } from '../../src/topology/catalogue/catalogue.js';
import { webServices } from '../../src/topology/components.js';
import { askFor, contoso, contosoWith } from './contoso.js';

/** `proxy MBX3:444`, `302 https://…`, or outcome, code and enhanced code. */
function wordsOf({ outcome, reply, location, targets }: Decision): string {
  if (targets.length > 0) return `${outcome} ${targets.map(({ server, port }) => `${server}:${port}`).join(' ')}`;
  if (location !== null) return `${reply?.code} ${location}`;
  return [outcome, reply?.code, reply?.enhanced].filter(Boolean).join(' ');
}

describe('a client of kim, whose mailbox is in Branch, at HQ', () => {
  const region = 'https://region.contoso.com/x';
  type Services = Site['services'];
  const redirecting = { externalUrl: region, crossSite: 'redirect' } as const;
  const silent = { externalUrl: region, crossSite: null };
  const all = (service: Services['owa']): Services => Object.fromEntries(webServices.map((name) => [name, service]));
  const cases: ReadonlyArray<
    readonly [what: string, protocol: ClientProtocol, branch: Services, host: string | null, expected: string]
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
