import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Decision } from '../../../src/routing/decision.js';
import { comparePaths, pathsFrom, sitesOf } from '../../../src/routing/paths.js';
import { routeMail } from '../../../src/routing/route-mail.js';
import { indexEstate } from '../build-estate.js';
import { inOracleWords, mailQuestion } from '../mail-question.js';
import { askedEstates } from '../random-estate.js';
import { oracleMail } from './oracle-mail.js';
import type { Asked } from './oracle-question.js';
import { isOn } from './oracle-servers.js';
import { bestPaths } from './simple-paths.js';
import { turned } from './turned-estate.js';

const runs = Number(process.env['USHER_ORACLE_RUNS'] ?? 2500);
const timeoutMs = 20_000 + runs * 20;
/** A usual run ends in time on a busy machine too; one that is asked for goes through. */
const limits = process.env['USHER_ORACLE_RUNS'] === undefined ? { interruptAfterTimeLimit: 18_000 } : {};

const answer = ({ estate, question }: Asked): Decision => routeMail(mailQuestion(indexEstate(estate), question));

function expectUsableServersOnce({ estate, question }: Asked, { targets, fallback }: Decision): void {
  const tried = [...targets, ...fallback.flat()].map((target) => target.server);
  expect(new Set(tried).size).toBe(tried.length);
  const part = question.user === null ? 'hub-transport' : 'submission';
  for (const name of tried) {
    const server = estate.objects.servers.find((entry) => entry.name === name);
    expect(server && isOn(server, part) && isOn(server, 'hub-transport')).toBe(true);
    expect(question.down.map((entry) => entry.toLowerCase())).not.toContain(name.toLowerCase());
  }
}

/** Counts how often each kind of answer came up, so that a generator that has gone dull is noticed. */
function tally(counts: Map<string, number>, decision: Decision): void {
  const { outcome, reason, reply, deliveryGroup, fallback, recipients } = decision;
  const told = new Set(recipients.map((recipient) => `${recipient.class} told ${recipient.reply?.enhanced ?? 'yes'}`));
  const keys = [
    outcome,
    reason,
    ...told,
    `code ${reply?.code ?? 'none'}`,
    `group ${deliveryGroup?.kind ?? 'none'}`,
    `fallback ${Math.min(fallback.length, 3)}`,
  ];
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
}

const kinds = ['dag', 'mailbox', 'site', 'server-list', 'local-site', 'connector'].map((kind) => `group ${kind}`);
/** What mail comes to that leaves the estate here. */
const leaving = [
  ...['send', 'connector-sources'],
  ...['external told yes', 'external told 4.5.3', 'external told 5.3.4', 'external told 5.4.4'],
  ...['relay told yes', 'relay told 4.5.3', 'mailbox told 4.5.3', 'contact told 4.5.3', 'group told 4.5.3'],
];
const codes = ['code 421', 'code 451', 'code 530', 'code 550', 'code 552'];
const fallbacks = ['fallback 0', 'fallback 1', 'fallback 2', 'fallback 3'];

describe('ways between sites, over random estates', () => {
  test('are those that walking every way finds', { timeout: 20_000 }, () => {
    fc.assert(
      fc.property(askedEstates, ({ estate }) => {
        const { topology } = indexEstate(estate);
        for (const { name } of estate.objects.sites.slice(0, 2)) {
          const found = [...pathsFrom(topology, name, 'mail').values()].sort(comparePaths);
          const words = found.map(
            (path) =>
              `${sitesOf(path)
                .map((site) => site.name)
                .join('-')} ${path.cost}`,
          );
          expect(words).toEqual(bestPaths(estate.objects, name).map(({ sites, cost }) => `${sites.join('-')} ${cost}`));
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('mail at a front end, over random estates', () => {
  test('goes where the naive oracle says, in whatever order the estate has its objects', { timeout: timeoutMs }, () => {
    const counts = new Map<string, number>();
    fc.assert(
      fc.property(askedEstates, (asked) => {
        const decision = answer(asked);
        tally(counts, decision);
        expect(inOracleWords(decision)).toEqual(oracleMail(asked));
        expect(decision.trace.length).toBeGreaterThan(0);
        expectUsableServersOnce(asked, decision);
        const text = JSON.stringify(decision);
        expect(JSON.stringify(answer(asked))).toBe(text);
        expect(JSON.stringify(answer({ ...asked, estate: turned(asked.estate) }))).toBe(text);
      }),
      { numRuns: runs, ...limits },
    );
    const seen = (key: string): number => counts.get(key) ?? 0;
    const asked = fallbacks.reduce((sum, key) => sum + seen(key), 0);
    const rare = ['proxy', 'reject', 'defer', ...kinds, ...leaving, ...codes, ...fallbacks].filter(
      (key) => seen(key) < asked / 200,
    );
    expect(rare).toEqual([]);
  });
});
