import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsherError } from '../../src/errors.js';
import { openStore, type Store } from '../../src/store/store.js';
import { refusal } from '../support/refusal.js';
import { apply, scratchStore, storePath } from '../support/scratch-store.js';

const places = {
  estate: 1,
  sites: [{ name: 'A' }],
  servers: [{ name: 'MBX1', site: 'A' }],
  databases: [{ name: 'DB1', copies: ['MBX1'] }],
  dialPlans: [{ name: 'Vienna' }, { name: 'Graz' }],
};

interface Holder {
  readonly address: string;
  readonly extension?: string | null;
  readonly dialPlan?: string | null;
}

const estateOf = (...holders: readonly Holder[]) => ({
  ...places,
  mailboxes: holders.map((holder) => ({ database: 'DB1', ...holder })),
});

function storeOf(...holders: readonly Holder[]): Store {
  const store = scratchStore();
  apply(store, estateOf(...holders));
  return store;
}

const ann = { address: 'ann@x.org', extension: '5101' };
const bob = { address: 'bob@x.org', extension: '5101', dialPlan: 'Vienna' };
const cyd = { address: 'cyd@x.org', extension: '5101', dialPlan: 'Graz' };

describe('an extension', () => {
  test.each([
    ['of the plan comes first', [ann, bob], 'Vienna', 'bob@x.org'],
    ['of the plan comes first, whatever the case of the name', [ann, bob], 'vIENNA', 'bob@x.org'],
    ['for every plan is found in one that has none of its own', [ann, bob], 'Graz', 'ann@x.org'],
    ['for every plan is found in a plan that is not there', [ann, bob], 'Linz', 'ann@x.org'],
    ['for every plan is found without a plan', [ann, bob], undefined, 'ann@x.org'],
    ['of another plan is not found', [bob], 'Graz', undefined],
    ['of a plan is not found without it', [bob], undefined, undefined],
    ['may mean another one in each plan', [bob, cyd], 'Graz', 'cyd@x.org'],
  ] as const)('%s', (_, holders, plan, address) => {
    expect(storeOf(...holders).directory.findByExtension('5101', plan)?.address).toBe(address);
  });

  test('is found among many as fast as among few', () => {
    const path = storePath();
    const store = scratchStore(path);
    apply(store, estateOf(ann, bob));
    const filling = new Database(path);
    filling.exec(`
      WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
      INSERT INTO mailbox (id, address, database, extension, dial_plan, protocols)
        SELECT i, 'u' || i || '@x.org', 'DB1', '5101' || i, CASE i % 2 WHEN 0 THEN 'Vienna' END, '{}' FROM n;
      INSERT INTO address (key, address, position, mailbox) SELECT address, address, 0, id FROM mailbox WHERE id >= 100;`);
    filling.close();
    const startedMs = performance.now();
    for (let n = 0; n < 500; n++) expect(store.directory.findByExtension('5101', 'Graz')?.address).toBe('ann@x.org');
    expect(store.directory.findByExtension('510149998', 'Vienna')?.address).toBe('u49998@x.org');
    // To look at all of them five hundred times would take several seconds.
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });

  test.each([
    [
      'one for every plan',
      [ann, { ...ann, address: 'dan@x.org' }],
      'extension 5101 belongs to ann@x.org and dan@x.org',
    ],
    [
      'one of a plan, whatever the case of its name',
      [bob, { ...bob, address: 'dan@x.org', dialPlan: 'VIENNA' }],
      'extension 5101 of dial plan "Vienna" belongs to bob@x.org and dan@x.org',
    ],
  ])('has one mailbox: two of %s are refused', (_, holders, message) => {
    const store = scratchStore();
    expect(refusal(() => apply(store, estateOf(...holders))).message).toContain(message);
    expect(store.revision()).toBe(0);
  });

  test('may go from one mailbox to the other in one change', () => {
    const store = storeOf(ann, bob, cyd);
    apply(store, estateOf({ ...ann, dialPlan: 'Graz' }, { ...bob, dialPlan: null }, { ...cyd, dialPlan: 'Vienna' }));
    const found = [undefined, 'Vienna', 'Graz'].map((plan) => store.directory.findByExtension('5101', plan)?.address);
    expect(found).toEqual(['bob@x.org', 'cyd@x.org', 'ann@x.org']);
  });

  test('names a plan that is there', () => {
    const store = scratchStore();
    const error = refusal(() => apply(store, estateOf({ ...bob, dialPlan: 'Viena' })));
    expect(error.message).toContain('there is no dial-plan "Viena" (did you mean "Vienna"?)');
  });
});

test('mailboxes of a plan are counted without regard to case', () => {
  const store = storeOf(bob);
  expect(store.countMailboxesInPlan('VIENNA')).toBe(1);
  expect(store.countMailboxesInPlan('Graz')).toBe(0);
});

describe('extensions at an older revision', () => {
  const address = fc.constantFrom('ann@x.org', 'bob@x.org', 'cyd@x.org');
  const holder = fc.record({
    address,
    extension: fc.constantFrom(null, '5101', '5102'),
    dialPlan: fc.constantFrom(null, 'Vienna', 'Graz', 'GRAZ'),
  });
  const change = fc.record({
    holders: fc.uniqueArray(holder, { selector: (one) => one.address, maxLength: 3 }),
    prune: fc.boolean(),
  });

  const answersOf = ({ directory }: Pick<Store, 'directory'>) =>
    ['5101', '5102'].flatMap((extension) =>
      [undefined, 'Vienna', 'graz', 'Linz'].map((plan) => directory.findByExtension(extension, plan)?.address),
    );

  test('are what they were, for any sequence of changes', () => {
    let revisions = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 2, maxLength: 6 }), (changes) => {
        const store = openStore(':memory:', { purpose: 'write' });
        const past = [{ revision: 0, answers: answersOf(store) }];
        for (const { holders, prune } of changes) {
          try {
            apply(store, estateOf(...holders), prune);
          } catch (error) {
            if (!(error instanceof UsherError && error.kind === 'invalid')) throw error;
          }
          past.push({ revision: store.revision(), answers: answersOf(store) });
        }
        for (const { revision, answers } of past) expect(answersOf(store.at(revision))).toEqual(answers);
        revisions += store.revision();
        store.close();
      }),
      { numRuns: 60 },
    );
    expect(revisions).toBeGreaterThan(60);
  });
});
