import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { applyEstate } from '../../src/admin/apply.js';
import type { Warning } from '../../src/admin/change-estate.js';
import { testCallRouting } from '../../src/admin/test-call-routing.js';
import { testMailRouting } from '../../src/admin/test-mail-routing.js';
import { storedEstate, testClientRouting } from '../../src/admin/test-routing.js';
import { toFailure } from '../../src/cli/failure.js';
import { isPositive } from '../../src/routing/decision.js';
import type { Store } from '../../src/store/store.js';
import { openStore } from '../../src/store/store.js';
import { type Expectation, mismatches } from './expectation.js';

type Json = Readonly<Record<string, unknown>>;

interface Case {
  readonly id: string;
  readonly title: string;
  readonly estate: string;
  readonly overlay?: Json | readonly Json[];
  readonly query?: Json & { readonly kind: 'mail' | 'client' | 'call' };
  readonly expect?: Expectation;
  readonly expectApply?: { readonly exit: number | readonly number[]; readonly mentions?: readonly string[] };
}

const folder = new URL('./', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, folder), 'utf8');
const files = readdirSync(new URL('cases/', folder)).filter((name) => name.endsWith('.json'));

let store: Store | undefined;
afterEach(() => store?.close());

/** What applying a piece of an estate ends with, as the command would: exit code, and everything it says. */
function apply(target: Store, text: string): { exit: number; words: string } {
  const meta = { actor: 'test', command: 'apply', message: null };
  try {
    const { warnings } = applyEstate(target, { text, fileName: 'estate.json', prune: false }, meta, {});
    return {
      exit: 0,
      words: warnings.map((warning: Warning) => `warning: ${warning.object} ${warning.message}`).join('\n'),
    };
  } catch (error) {
    const failure = toFailure(error);
    return { exit: failure.exitCode, words: failure.message };
  }
}

const textOf = (value: unknown): string | undefined => (value === undefined ? undefined : String(value));
const listOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)];

function ask(target: Store, query: NonNullable<Case['query']>): Json {
  const estate = storedEstate(target, undefined);
  const place = { on: textOf(query['on']), down: listOf(query['down']), user: textOf(query['user']) };
  if (query.kind === 'client') {
    return testClientRouting(estate, {
      ...place,
      protocol: textOf(query['protocol']),
      url: textOf(query['url']),
      headers: listOf(query['headers']),
      method: textOf(query['method']),
      body: textOf(query['body']),
    }) as never;
  }
  if (query.kind === 'call') {
    const call = { to: String(query['to']), diversion: textOf(query['diversion']), fromIp: textOf(query['fromIp']) };
    return testCallRouting(estate, { ...place, ...call, tls: query['tls'] === true }) as never;
  }
  return testMailRouting(estate, {
    ...place,
    to: listOf(query['to']),
    from: textOf(query['from']),
    size: textOf(query['size']),
    clientIp: textOf(query['clientIp']),
    localIp: textOf(query['localIp']),
    port: Number(query['port'] ?? 25),
    fromServer: textOf(query['fromServer']),
    dns: listOf(query['dns']),
  }) as never;
}

for (const file of files) {
  const cases = JSON.parse(read(`cases/${file}`)) as readonly Case[];
  describe(file.replace('.json', ''), () => {
    test.each(cases.map((entry) => [entry.id, entry.title, entry] as const))('%s %s', (_id, _title, entry) => {
      store = openStore(':memory:', { purpose: 'write' });
      const pieces = entry.overlay === undefined ? [] : Array.isArray(entry.overlay) ? entry.overlay : [entry.overlay];
      const texts = [
        read(`estates/${entry.estate}.json`),
        ...pieces.map((piece) => JSON.stringify({ estate: 1, ...piece })),
      ];
      const applied = texts.map((text) => apply(store as Store, text));
      const last = applied.at(-1);
      if (entry.expectApply) {
        expect([entry.expectApply.exit].flat()).toContain(last?.exit);
        for (const mention of entry.expectApply.mentions ?? []) expect(last?.words).toMatch(new RegExp(mention, 'i'));
        return;
      }
      expect(applied.filter(({ exit }) => exit !== 0)).toEqual([]);
      const answer = ask(store, entry.query as never);
      expect(answer['trace']).not.toHaveLength(0);
      expect(mismatches(entry.expect ?? {}, answer, isPositive(answer['outcome'] as never) ? 0 : 7)).toEqual([]);
    });
  });
}
