import fc from 'fast-check';
import { expect, test } from 'vitest';
import { serviceOfPath } from '../../src/routing/client-protocols.js';
import { routeClient } from '../../src/routing/route-client.js';
import { makeRouteCookie, readRouteCookies, routeCookieNames } from '../../src/routing/route-cookie.js';
import { nameKey } from '../../src/topology/names.js';
import type { BuiltEstate } from './build-estate.js';
import { indexEstate } from './build-estate.js';
import { askFor } from './contoso.js';
import { drawFrom, numbersOf } from './draw.js';
import { makeEstate, scales } from './random-estate.js';

const key = Buffer.alloc(32, 1);
const strangeKey = Buffer.alloc(32, 2);
const nowMs = 1_700_000_000_000;

/** What a client may write anywhere: names and hosts of servers among the rest. */
function wordsOf({ objects, mailboxes }: BuiltEstate): readonly string[] {
  const servers = objects.servers.flatMap(({ name, host }) => [name, host, `${name}~1942062522`, `ServerInfo~${host}`]);
  const addresses = mailboxes.slice(0, 4).flatMap(({ address }) => [address, address.toUpperCase()]);
  const signed = [...servers.slice(0, 6), ...addresses].flatMap((word) => [
    makeRouteCookie(word, key, nowMs),
    makeRouteCookie(word, strangeKey, nowMs),
  ]);
  return [...servers, ...addresses, ...signed, 'evil.example:444', 'http://evil.example/', '..', ''];
}

const headerNames = [
  'host',
  'authorization',
  'content-type',
  'x-anchormailbox',
  'x-publicfoldermailbox',
  'x-preferserveraffinity',
  'x-beresource',
  'x-forwarded-host',
];
const urlForms = [
  '/owa/#/',
  '/owa/?backend=#',
  '/ecp/#',
  '/mapi/emsmdb/?MailboxId=#',
  '/rpc/rpcproxy.dll?#:6001',
  '/Microsoft-Server-ActiveSync?User=#',
  '/autodiscover/autodiscover.xml',
  '/ews/exchange.asmx?server=#',
  'https://#/owa/',
];
const bodyForms = ['username=#', '<EMailAddress>#</EMailAddress>', '#'];

test('nothing that a client says leads to a server that the estate does not lead to', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(scales, (scale) => {
      const draw = drawFrom(numbersOf(scale.seed));
      const estate = indexEstate(makeEstate(draw, scale));
      const words = wordsOf(estate);
      const fill = (form: string): string => form.replace('#', draw.from(words));
      const basic = (): string => `Basic ${Buffer.from(`${draw.from(words)}:x`).toString('base64')}`;
      const headers = Object.fromEntries(
        draw.some(headerNames, 0, 5).map((name) => {
          if (name === 'authorization') return [name, basic()];
          if (name === 'content-type') return [name, 'application/x-www-form-urlencoded'];
          return [name, name === 'x-preferserveraffinity' ? 'true' : draw.from(words)];
        }),
      );
      const cookie = Object.values(routeCookieNames)
        .map((name) => `${name}=${draw.from(words)}`)
        .join('; ');
      const url = fill(draw.from(urlForms));
      const protocol = serviceOfPath(estate.topology, url.replace(/^https:\/\/[^/]*/, ''))?.name ?? 'owa';
      const cookies = readRouteCookies(cookie, [key], nowMs);
      const body = fill(draw.from(bodyForms));
      const on = draw.from(estate.topology.servers.filter(({ roles }) => roles.includes('frontend'))).name;
      const decision = routeClient(askFor(estate, { on, protocol, url, headers, cookies, body, method: 'POST' }));
      expectOwnServers(estate, decision);
    }),
    { numRuns: 1500 },
  );
});

function expectOwnServers(estate: BuiltEstate, decision: ReturnType<typeof routeClient>): void {
  const { topology, mailboxes } = estate;
  const { mailbox, hint, trace } = decision;
  const targets = [decision.targets, ...decision.fallback].flat();
  expect(trace.length).toBeGreaterThan(0);
  expect(decision.outcome === 'proxy').toBe(targets.length > 0);
  for (const { server, host, port, site } of targets) {
    const known = topology.servers.find(({ name }) => name === server);
    expect({ host, port, site }).toEqual({ host: known?.host, port: known?.endpoints.http.port, site: known?.site });
    expect(known?.roles).toContain('mailbox');
  }
  expect(mailbox === null).toBe(hint === null);
  if (mailbox === null) return;
  const database = mailboxes.find(({ address }) => address === mailbox)?.database ?? '';
  const active = topology.database(database)?.active ?? '';
  for (const { server } of targets) expect(nameKey(server)).toBe(nameKey(active));
}
