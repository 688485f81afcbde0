import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { exportEstate } from '../../src/admin/export.js';
import { UsherError } from '../../src/errors.js';
import { openStore } from '../../src/store/store.js';
import { nouns } from '../../src/topology/catalogue/catalogue.js';
import { checkTopology } from '../../src/topology/check/check-topology.js';
import { buildTopology } from '../../src/topology/topology.js';
import { estateArbitrary } from '../support/estate-arbitrary.js';
import { apply, exported } from '../support/scratch-store.js';

const runs = { numRuns: 25 };

/** A store in memory for one run of a property. */
function withStore<T>(work: (store: ReturnType<typeof openStore>) => T): T {
  const store = openStore(':memory:', { purpose: 'write' });
  try {
    return work(store);
  } finally {
    store.close();
  }
}

/** The refusal of a change that may be refused. */
function attempt(work: () => unknown): UsherError | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof UsherError && error.kind === 'invalid') return error;
    throw error;
  }
  return undefined;
}

describe('estate -> store -> export -> apply into a fresh store -> export', () => {
  test('is the identity as YAML', () => {
    fc.assert(
      fc.property(estateArbitrary(), (estate) => {
        const first = withStore((store) => {
          apply(store, stringify(estate));
          return exportEstate(store).yaml();
        });
        const second = withStore((store) => {
          apply(store, first);
          return exportEstate(store).yaml();
        });
        expect(second).toBe(first);
      }),
      runs,
    );
  });

  test('is the identity as JSON, and YAML says the same', () => {
    fc.assert(
      fc.property(estateArbitrary(), (estate) => {
        const first = withStore((store) => {
          apply(store, estate);
          return exportEstate(store);
        });
        const text = JSON.stringify(first.document, null, 2);
        expect(withStore((store) => apply(store, text) && JSON.stringify(exported(store), null, 2))).toBe(text);
        expect(withStore((store) => apply(store, first.yaml()) && exported(store))).toEqual(JSON.parse(text));
      }),
      runs,
    );
  });
});

describe('applying what is there already', () => {
  test('makes no revision: the same file, the own export, the own export with prune', () => {
    fc.assert(
      fc.property(estateArbitrary(), (estate) => {
        withStore((store) => {
          const { revision } = apply(store, estate);
          expect(apply(store, estate)).toMatchObject({ revision, changed: [] });
          const { yaml } = exportEstate(store);
          const before = yaml();
          expect(apply(store, before)).toMatchObject({ revision, changed: [] });
          expect(apply(store, before, true)).toMatchObject({ revision, changed: [] });
          expect(apply(store, estate, true)).toMatchObject({ changed: [] });
          expect(yaml()).toBe(before);
        });
      }),
      runs,
    );
  });

  test('prune over another estate leaves what the file names, and nothing else', () => {
    fc.assert(
      fc.property(estateArbitrary('narrow'), estateArbitrary('narrow'), (before, after) => {
        withStore((store) => {
          apply(store, before);
          const kept = exported(store);
          const refused = attempt(() => apply(store, after, true));
          // What an object keeps of its old self can stand against what it becomes; then nothing at all changes.
          if (refused) return expect(exported(store)).toEqual(kept);
          const own = exportEstate(store).yaml();
          expect(apply(store, own, true).changed).toEqual([]);
          for (const noun of nouns.filter((noun) => noun.nameField !== null)) {
            expect(store.list(noun)).toHaveLength((after[noun.section] as readonly unknown[]).length);
          }
          const { objects } = store.topology();
          expect(checkTopology(buildTopology(1, objects)).filter((finding) => finding.severity === 'error')).toEqual(
            [],
          );
        });
      }),
      runs,
    );
  });
});
