import { describe, expect, test } from 'vitest';
import { checkEstate, findingText } from '../../src/admin/check-estate.js';
import { deleteObject, updateObject } from '../../src/admin/objects.js';
import type { Store } from '../../src/store/store.js';
import { catalogue } from '../../src/topology/catalogue/catalogue.js';
import { refusal } from '../support/refusal.js';
import { apply, meta, scratchStore } from '../support/scratch-store.js';

const at = (local: string, extension: string, dialPlan: string | null = null) => {
  return { address: `${local}@contoso.com`, database: 'DB1', extension, dialPlan };
};

function storeOf(...mailboxes: readonly ReturnType<typeof at>[]): Store {
  const store = scratchStore();
  apply(store, {
    estate: 1,
    organization: { defaultDomain: 'contoso.com' },
    sites: [{ name: 'A' }],
    servers: [
      { name: 'FE1', site: 'A', roles: ['frontend'] },
      { name: 'MBX1', site: 'A' },
    ],
    databases: [{ name: 'DB1', copies: ['MBX1'] }],
    domains: [{ name: 'contoso.com', type: 'authoritative' }],
    dialPlans: [{ name: 'Vienna' }, { name: 'Graz' }],
    mailboxes,
  });
  return store;
}

const warningsOf = (store: Store): string[] =>
  checkEstate(store, new Date())
    .filter(({ code }) => code === 'extension-overridden')
    .map(findingText);

describe('check', () => {
  test('warns of an extension that one plan takes from all', () => {
    expect(warningsOf(storeOf(at('ann', '5101'), at('bob', '5101', 'Vienna'), at('cyd', '5102', 'Graz')))).toEqual([
      'warning: mailbox "bob@contoso.com" takes extension 5101 in dial plan "Vienna" from ann@contoso.com, which has it for every plan; calls of that plan go to bob@contoso.com only',
    ]);
  });

  test('says nothing of extensions that are apart', () => {
    const apart = storeOf(at('ann', '5101', 'Vienna'), at('bob', '5101', 'Graz'), at('cyd', '5102'));
    expect(warningsOf(apart)).toEqual([]);
  });

  test('names five of many, and says how many more there are', () => {
    const pairs = ['5101', '5102', '5103', '5104', '5105', '5106', '5107'].flatMap((extension) => [
      at(`a${extension}`, extension),
      at(`v${extension}`, extension, 'Vienna'),
      at(`g${extension}`, extension, 'Graz'),
    ]);
    const warnings = warningsOf(storeOf(...pairs));
    expect(warnings).toHaveLength(5);
    expect(warnings[4]).toContain('extension 5105 in dial plan "Graz" from a5105@contoso.com');
    expect(warnings[4]).toContain('(and 2 more extensions are like that)');
  });
});

describe('a change', () => {
  test('that gives an extension of a plan to a second mailbox is refused, and names both', () => {
    const store = storeOf(at('ann', '5101', 'Vienna'), at('bob', '5102', 'Vienna'));
    const request = { noun: catalogue.mailbox, name: 'bob@contoso.com', given: { extension: '5101' } };
    const error = refusal(() => updateObject(store, request, meta, {}));
    expect(error).toMatchObject({ kind: 'invalid' });
    expect(error.message).toContain(
      'extension 5101 of dial plan "Vienna" belongs to ann@contoso.com and bob@contoso.com',
    );
    updateObject(store, { ...request, given: { extension: '5101', dialPlan: 'graz' } }, meta, {});
    expect(store.find(catalogue.mailbox, 'bob@contoso.com')).toMatchObject({ extension: '5101', dialPlan: 'Graz' });
  });

  test('that deletes a dial plan of mailboxes is refused, and says how many there are', () => {
    const store = storeOf(at('ann', '5101', 'Vienna'), at('bob', '5102', 'Vienna'), at('cyd', '5101', 'Graz'));
    const remove = (plan: string) => refusal(() => deleteObject(store, catalogue['dial-plan'], plan, meta, {})).message;
    expect(remove('VIENNA')).toBe('dial-plan "Vienna" is in use by 2 mailboxes');
    expect(remove('Graz')).toBe('dial-plan "Graz" is in use by 1 mailbox');
    const request = { noun: catalogue.mailbox, name: 'cyd@contoso.com', given: { dialPlan: null } };
    updateObject(store, request, meta, {});
    expect(deleteObject(store, catalogue['dial-plan'], 'Graz', meta, {}).changed).toHaveLength(1);
  });
});
