import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clientProtocolNames, serviceOfPath } from '../../src/routing/client-protocols.js';
import type { Decision } from '../../src/routing/decision.js';
import { routeClient } from '../../src/routing/route-client.js';
import { readRouteCookies } from '../../src/routing/route-cookie.js';
import { routeMail } from '../../src/routing/route-mail.js';
import { annGuid, askFor, contosoWith, mailTo } from './contoso.js';

const estate = contosoWith({ httpServices: [{ name: 'dav', path: '/dav' }] });
const key = Buffer.alloc(32, 7);
const servers = estate.topology.servers.map((server) => server.name);

/** What a parser stumbles over. */
const nasty = [
  '\u0000',
  '\r\n',
  '\u007f',
  '\ud800',
  '\u202e',
  '\ufeff',
  'e\u0301',
  '\u{1f4a9}',
  '%',
  '%00',
  '%zz',
  '%2e%2e/',
  '../',
  '\\',
  '"',
  '\\"',
  '@',
  '@@',
  '+',
  '.',
  '..',
  ':',
  ';',
  '?',
  '#',
  '&',
  '=',
  '/',
  '//',
  '[',
  ']',
  '[::1]',
  '<',
  '>',
  ' ',
  '\t',
  '~',
  'ann',
  'contoso.com',
  'ann@contoso.com',
  'CONTOSO\\',
  'xn--',
  'smtp:',
  'http://',
  'https://mail.contoso.com',
  annGuid,
  '/owa/',
  '/mapi/?MailboxId=',
  '/rpc/rpcproxy.dll?',
  '/Microsoft-Server-ActiveSync?User=',
  '/owa/healthcheck.htm',
  '__proto__',
  'constructor',
];

const hostile = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.constantFrom(...nasty), { maxLength: 12 }).map((parts) => parts.join('')) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 60 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...nasty), fc.integer({ min: 100, max: 3000 }))
      .map(([part, count]) => part.repeat(count)),
  },
);
const maybe = fc.option(hostile);

function expectDecision({ trace, targets, fallback }: Decision): void {
  expect(trace.length).toBeGreaterThan(0);
  for (const { server } of [...targets, ...fallback.flat()]) expect(servers).toContain(server);
  const longest = Math.max(...trace.map((entry) => entry.detail.length));
  expect(longest).toBeLessThan(3000);
}

describe('whatever a stranger sends, there is a decision', () => {
  test('for clients', { timeout: 30_000 }, () => {
    const names = fc.constantFrom('host', 'x-anchormailbox', 'x-publicfoldermailbox', 'authorization', 'content-type');
    const headers = fc.dictionary(names, hostile);
    const protocols = fc.constantFrom(...clientProtocolNames(estate.topology));
    fc.assert(
      fc.property(protocols, maybe, maybe, headers, maybe, (protocol, user, url, given, body) => {
        const decision = routeClient(askFor(estate, { protocol, user, url, headers: given, body }));
        expectDecision(decision);
        expect([null, '/owa']).toContain(decision.location);
      }),
      { numRuns: 2000 },
    );
  });

  test('for mail', { timeout: 30_000 }, () => {
    const recipients = fc.array(hostile, { maxLength: 8 });
    fc.assert(
      fc.property(
        maybe,
        maybe,
        recipients,
        maybe,
        maybe,
        fc.option(fc.maxSafeNat()),
        (user, from, to, client, local, sizeBytes) => {
          const places = { clientAddress: client, localAddress: local };
          for (const place of [{}, places]) {
            const decision = routeMail(mailTo(estate, { user, from, to, sizeBytes, ...place }));
            expectDecision(decision);
            expect(decision.recipients.length === 0 || decision.recipients.length === to.length).toBe(true);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('no path makes the service lookup fail', () => {
    fc.assert(
      fc.property(hostile, (path) =>
        ['string', 'undefined'].includes(typeof serviceOfPath(estate.topology, path)?.name),
      ),
      { numRuns: 1000 },
    );
  });
});

describe('long input costs no more than its length', () => {
  const length = 64 * 1024;
  test.each(nasty.filter((part) => part !== ''))('%j over and over', { timeout: 5000 }, (part) => {
    const text = part.repeat(Math.ceil(length / part.length));
    const started = performance.now();
    const headers = { 'x-anchormailbox': text, 'x-publicfoldermailbox': text, host: text };
    for (const url of [
      text,
      `/owa/${text}`,
      `/rpc/?${text}?`,
      `/rpc/?${text}:x`,
      `/mapi/?${text}`,
      `/microsoft-server-activesync?user=${text}`,
    ]) {
      expectDecision(routeClient(askFor(estate, { user: text, url, headers })));
      for (const protocol of ['eas', 'rpc', 'mapi']) {
        expectDecision(routeClient(askFor(estate, { protocol, url, headers: { authorization: text } })));
      }
    }
    const form = { 'content-type': 'application/x-www-form-urlencoded', authorization: `Bearer ${text}` };
    for (const body of [text, `<Mailbox>${text}`, `username=${text}`, `<${text}`]) {
      expectDecision(routeClient(askFor(estate, { protocol: 'autodiscover', body })));
      expectDecision(routeClient(askFor(estate, { protocol: 'dav', body, headers: form })));
    }
    expectDecision(routeMail(mailTo(estate, { user: text, from: text, to: [text] })));
    expectDecision(routeMail(mailTo(estate, { from: text, to: [text], clientAddress: text, localAddress: text })));
    serviceOfPath(estate.topology, text);
    serviceOfPath(estate.topology, `/dav/${text}`);
    readRouteCookies(`${text}; X-BackEndCookie=${text}`, [key], 0);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('many recipients', { timeout: 10_000 }, () => {
    const to = Array.from({ length: 5000 }, (_, index) =>
      index % 2 === 0 ? 'ann@contoso.com' : `x${index}@elsewhere.test`,
    );
    const decision = routeMail(mailTo(estate, { to }));
    expect(decision.recipients).toHaveLength(5000);
    expect(decision.recipients.filter((recipient) => recipient.verdict === 'accept')).toHaveLength(200);
  });
});
