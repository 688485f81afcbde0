import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { downServers } from '../../../src/routing/availability.js';
import type { Decision } from '../../../src/routing/decision.js';
import { routeServerMail } from '../../../src/routing/route-server-mail.js';
import { indexEstate } from '../build-estate.js';
import { namesOf } from '../mail-question.js';
import { askedServers } from '../random-server-mail.js';
import type { OracleRoute, ServerAsked } from './oracle-server-mail.js';
import { oracleServerMail } from './oracle-server-mail.js';
import { turned } from './turned-estate.js';

const runs = Number(process.env['USHER_ORACLE_RUNS'] ?? 2500);
const timeoutMs = 20_000 + runs * 20;
/** A usual run ends in time on a busy machine too; one that is asked for goes through. */
const limits = process.env['USHER_ORACLE_RUNS'] === undefined ? { interruptAfterTimeLimit: 12_000 } : {};

function answer({ estate, question }: ServerAsked): Decision {
  const { topology, directory } = indexEstate(estate);
  const server = topology.server(question.server);
  if (!server) throw new Error(`the estate has no server ${question.server}`);
  const { to, sizeBytes, down } = question;
  return routeServerMail({ topology, directory, server, to, sizeBytes, availability: downServers(down) });
}

/** One answer in the oracle's words. */
function inOracleWords(decision: Decision): OracleRoute {
  const { deliveryGroup: group, path, outcome, connector, deliveryType, nextHopDomain } = decision;
  return {
    outcome,
    code: decision.reply === null ? null : Number(decision.reply.code),
    name: `${deliveryType} ${nextHopDomain}`,
    connector,
    deliveryGroup: group && `${group.kind} ${group.name.toLowerCase()}`,
    path: path && `${path.sites.join('-')} ${path.cost}`,
    targets: namesOf(decision.targets),
    fallback: decision.fallback.map(namesOf),
    recipients: decision.recipients.map(
      ({ address, class: kind, verdict, reply }) =>
        `${address} ${kind} ${verdict === 'reject' ? `reject ${reply?.code}` : verdict}`,
    ),
  };
}

/** Same ways for the routes of two reasons: the oracle knows no reasons, so these are put together. */
function joined(routes: readonly OracleRoute[]): OracleRoute[] {
  const sorted = routes.map((route) => ({ ...route, recipients: [...route.recipients] }));
  return sorted.reduce<Array<OracleRoute & { recipients: string[] }>>((kept, route) => {
    const same = kept.find((other) => keyOf(other) === keyOf(route));
    if (same) same.recipients.push(...route.recipients);
    else kept.push(route);
    return kept;
  }, []);
}

const keyOf = (hop: OracleRoute): string =>
  JSON.stringify([hop.outcome, hop.code, hop.name, hop.connector, hop.deliveryGroup, hop.path, hop.targets]);
const inOrder = (routes: readonly OracleRoute[]) =>
  joined(routes)
    .map((route) => ({ ...route, recipients: route.recipients.toSorted() }))
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));

const routesOf = (decision: Decision): readonly Decision[] =>
  decision.routes ?? (decision.reason === 'no-recipient' ? [] : [decision]);

/** Counts how often each kind of answer came up, so that a generator that has gone dull is noticed. */
function tally(counts: Map<string, number>, { outcome, deliveryType, deliveryGroup, fallback }: Decision): void {
  const keys = [
    outcome,
    deliveryType ?? 'none',
    `group ${deliveryGroup?.kind ?? 'none'}`,
    `then ${Math.min(fallback.length, 2)}`,
  ];
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
}

const expected = [
  ...['deliver', 'relay', 'send', 'proxy', 'unreachable', 'reject', 'defer'],
  ...['SmtpDeliveryToMailbox', 'SmtpRelayToDag', 'SmtpRelayToMailboxDeliveryGroup', 'SmtpRelayToServers'],
  ...['SmtpRelayToConnectorSourceServers', 'SmtpRelayToRemoteActiveDirectorySite', 'DnsConnectorDelivery'],
  ...['SmartHostConnectorDelivery', 'Unreachable', 'group dag', 'group mailbox', 'group site', 'group connector'],
  ...['group server-list', 'then 0', 'then 1', 'then 2'],
];

describe('mail at a mailbox server, over random estates', () => {
  test('goes where the naive oracle says, in whatever order the estate has its objects', { timeout: timeoutMs }, () => {
    const counts = new Map<string, number>();
    let total = 0;
    fc.assert(
      fc.property(askedServers, (asked) => {
        const decision = answer(asked);
        const routes = routesOf(decision);
        for (const route of routes) tally(counts, route);
        total += routes.length;
        expect(inOrder(routes.map(inOracleWords))).toEqual(inOrder(oracleServerMail(asked)));
        for (const { trace } of [decision, ...routes]) expect(trace.length).toBeGreaterThan(0);
        const text = JSON.stringify(decision);
        expect(JSON.stringify(answer(asked))).toBe(text);
        expect(JSON.stringify(answer({ ...asked, estate: turned(asked.estate) }))).toBe(text);
      }),
      { numRuns: runs, ...limits },
    );
    expect(expected.filter((key) => (counts.get(key) ?? 0) < total / 200)).toEqual([]);
  });
});
