import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createScreening } from '../../src/filtering/screening.js';
import { judgeSpf } from '../../src/filtering/spf-filter.js';
import { allUp } from '../../src/routing/availability.js';
import type { Decision } from '../../src/routing/decision.js';
import { routeCall } from '../../src/routing/route-call.js';
import { routeServerMail } from '../../src/routing/route-server-mail.js';
import { answersOf, entry, filtersWith } from '../filtering/filters-with.js';
import { contoso, contosoWith } from './contoso.js';

const estate = contosoWith({
  mailboxes: [...contoso.mailboxes, { address: 'tel@contoso.com', database: 'DB1', extension: '5101' }],
  sendConnectors: [{ name: 'Out', sources: ['MBX1'], addressSpaces: ['*', '*.elsewhere.test'] }],
  callGateways: [{ name: 'GW', address: '10.9.9.9' }],
  dialPlans: [{ name: 'Plan', uriType: 'sip' }],
  huntGroups: [{ name: 'Voice', gateway: 'GW', dialPlan: 'Plan', pilot: '5000' }],
});
const { topology, directory } = estate;
const filters = filtersWith({
  enabled: { spf: true },
  ipBlock: [entry('10.0.0.0/8')],
  senders: { blocked: ['a@b.test'], blockedDomains: ['b.test'], blockedDomainsAndSubdomains: ['c.test'] },
  recipients: { blocked: ['a@contoso.com'], validate: true },
  blockProviders: [{ name: 'bl', zone: 'bl.test', priority: 1, enabled: true, match: { mask: 4 }, response: null }],
});

const pieces = ['\u0000', '\r\n', '\ud800', '\u202e', '\u{1f4a9}', 'e\u0301', '%', '%00', '%zz', '"', '\\', '\\"', '@'];
const signs = ['+', '.', ':', ';', '?', '<', '>', '[', ']', '[::1]', ' ', '(', '-', '/', '0', '5101', 'sip:', 'tel:'];
const shapes = ['sip:5101@x', '<sip:', '"a" <sip:5101@x>', 'ann@contoso.com', '127.0.0.1', '::', '__proto__', 'x'];
const nasty = [...pieces, ...signs, ...shapes];
const hostile = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.constantFrom(...nasty), { maxLength: 12 }).map((parts) => parts.join('')) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...nasty), fc.nat(3000)).map(([part, count]) => part.repeat(count)),
  },
);
const uris = fc.oneof(
  hostile,
  hostile.map((text) => `sip:${text}@x`),
  hostile.map((text) => `"${text}" <sip:${text}@x>`),
);

function expectDecision({ trace, targets, fallback, location }: Decision): void {
  expect(trace.length).toBeGreaterThan(0);
  expect(Math.max(...trace.map(({ detail }) => detail.length))).toBeLessThan(3000);
  for (const { server } of [...targets, ...fallback.flat()]) expect(topology.server(server)?.name).toBe(server);
  if (location !== null) expect(location).toMatch(/^sip:[!-~]+$/);
}

const serverOf = (name: string) => {
  const server = topology.server(name);
  if (!server) throw new Error(`no server ${name}`);
  return server;
};

function callOf(to: string, diversion: string | null, fromAddress: string | null): Decision {
  const place = { topology, directory, frontEnd: serverOf('CAS1'), availability: allUp, tls: false };
  return routeCall({ ...place, to, diversion, peer: { address: fromAddress, certificateNames: [] } });
}

function mailOf(to: readonly string[]): Decision {
  const place = { topology, directory, server: serverOf('MBX2'), availability: allUp, sizeBytes: null };
  return routeServerMail({ ...place, to });
}

function screenAll(client: string, text: string, answer: string): void {
  for (const answers of [null, answersOf(`1.0.0.10.bl.test=${answer}`)]) {
    const step = createScreening(filters, client, 0, answers);
    if (step.kind === 'look-up') {
      expect(step.name).toMatch(/^[0-9a-f.]+\.bl\.test$/);
      continue;
    }
    const { screening } = step;
    const recipient = { key: text, known: false, domain: topology.domains[0] };
    const kinds = [screening.client, screening.sender(text), screening.recipient(recipient)].map(({ kind }) => kind);
    expect(['pass', 'exempt', 'block', 'stamp']).toEqual(expect.arrayContaining(kinds));
    expect(screening.isBypassed(text)).toBe(false);
  }
  expect(judgeSpf(filters, 'fail', text, text).kind).toBe('stamp');
}

describe('whatever is sent, there is an answer', () => {
  test('for mail at a server', { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 8 }), (to) => {
        const decision = mailOf(to);
        for (const route of [decision, ...(decision.routes ?? [])]) expectDecision(route);
      }),
      { numRuns: 2000 },
    );
  });

  test('for calls', { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(uris, fc.option(uris), fc.option(hostile), (to, diversion, from) => {
        expectDecision(callOf(to, diversion, from));
        expectDecision(callOf(to, 'sip:5101@x', null));
      }),
      { numRuns: 2000 },
    );
  });

  test('for filters', { timeout: 30_000 }, () => {
    fc.assert(fc.property(hostile, hostile, hostile, screenAll), { numRuns: 2000 });
  });
});

describe('64 KB cost no more than their length', () => {
  test.each(nasty)('%j over and over', { timeout: 10_000 }, (part) => {
    const text = part.repeat(Math.ceil((64 * 1024) / part.length));
    const started = performance.now();
    for (const long of [text, `${text}\n@`, `a@${text}`, `${text}@contoso.com`]) {
      expectDecision(mailOf([long]));
      screenAll(long, long, 'nxdomain');
      for (const uri of [long, `sip:${long}`, `sip:${long}@x`, `tel:${long}`, `"${long}" <sip:5101@x>`, `"${long}`]) {
        expectDecision(callOf(uri, null, null));
        expectDecision(callOf('sip:5000@x', uri, long));
        expectDecision(callOf(`<${uri}>`, 'sip:5101@x', null));
      }
    }
    expect(performance.now() - started).toBeLessThan(1500);
  });
});
