import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DetailFlags } from '../../src/admin/filter-details.js';
import { readDetails } from '../../src/admin/filter-details.js';
import type { PresentEntry } from '../../src/admin/filter-entries.js';
import { withAdded, withoutEntries } from '../../src/admin/filter-entries.js';
import { entriesOf, entryText, filterListNames, filterLists, requireList } from '../../src/admin/filter-lists.js';
import { listFilters } from '../../src/admin/filter-rows.js';
import { addFilterEntries, filtersOf, removeFilterEntries, setFilters } from '../../src/admin/filters.js';
import type { ChangeOptions } from '../../src/store/change.js';
import type { Store } from '../../src/store/store.js';
import { catalogue, type EstateObject } from '../../src/topology/catalogue/catalogue.js';
import type { FieldType } from '../../src/topology/fields.js';
import { refusal } from '../support/refusal.js';
import { apply, exported, meta, scratchStore } from '../support/scratch-store.js';

const nowMs = Date.parse('2026-11-22T10:00:00Z');

interface Add extends DetailFlags {
  readonly present?: PresentEntry;
  readonly dryRun?: boolean;
}

function add(store: Store, list: string, texts: string | readonly string[], { present, dryRun, ...flags }: Add = {}) {
  const entries = typeof texts === 'string' ? [texts] : texts;
  const details = readDetails(requireList(list), flags, nowMs);
  const options = dryRun === undefined ? {} : { dryRun };
  return addFilterEntries(store, { list, entries, details, present: present ?? 'refuse' }, meta, options);
}

const remove = (
  store: Store,
  list: string,
  texts: readonly string[],
  options: ChangeOptions & { ifExists?: boolean } = {},
) => removeFilterEntries(store, { list, entries: texts }, meta, options);

const set = (store: Store, given: EstateObject, enable: readonly string[] = [], disable: readonly string[] = []) =>
  setFilters(store, { given, enable, disable }, meta, {});

const entries = (store: Store, list: string) => entriesOf(filtersOf(store), requireList(list));

/** How a change is refused, which then has changed nothing. */
function refusedBy(store: Store, work: () => unknown) {
  const before = exported(store);
  const error = refusal(work);
  expect(exported(store)).toEqual(before);
  return error;
}

/** A sample entry of each list, and what it needs. */
const samples: Readonly<Record<string, { entry: string; same: string; flags?: DetailFlags }>> = {
  'ip-allow': { entry: '10.0.0.0/8', same: '10.0.0.0-10.255.255.255' },
  'ip-block': { entry: '2001:db8::1', same: '2001:DB8:0::1' },
  'allow-provider': { entry: 'good', same: 'GOOD', flags: { zone: 'good.example' } },
  'block-provider': { entry: 'bad', same: 'Bad', flags: { zone: 'bad.example' } },
  'bypassed-recipient': { entry: 'postmaster@contoso.com', same: 'Postmaster@Contoso.com' },
  'blocked-sender': { entry: 'spam@fabrikam.com', same: '"spam"@FABRIKAM.com' },
  'blocked-domain': { entry: 'fabrikam.com', same: 'Fabrikam.com.' },
  'blocked-domain-and-subdomains': { entry: 'bücher.example', same: 'xn--bcher-kva.example' },
  'blocked-recipient': { entry: 'old@contoso.com', same: 'OLD@contoso.com' },
  'spf-bypassed-recipient': { entry: 'abuse@contoso.com', same: 'Abuse@contoso.com' },
  'spf-bypassed-domain': { entry: 'fabrikam.com', same: 'FABRIKAM.COM' },
  agent: { entry: 'greylist', same: 'Greylist', flags: { module: '/etc/usher/greylist.js' } },
};

describe('the lists', () => {
  test('are all those that the filters have', () => {
    const pathsOf = (type: FieldType, path: string): string[] =>
      type.kind === 'object'
        ? Object.entries(type.fields).flatMap(([key, field]) => pathsOf(field.type, `${path}.${key}`))
        : type.kind === 'list'
          ? [path.slice(1)]
          : [];
    const known = pathsOf({ kind: 'object', fields: catalogue.filters.fields }, '');
    expect(filterLists.map(({ path }) => path.join('.')).toSorted()).toStrictEqual(known.toSorted());
    expect(Object.keys(samples).toSorted()).toStrictEqual(filterListNames.toSorted());
  });

  test.each(filterListNames)('%s: add, add again in another spelling, remove', (list) => {
    const store = scratchStore();
    const { entry, same, flags = {} } = samples[list] ?? { entry: '', same: '' };
    expect(add(store, list, entry, flags)).toMatchObject({
      revision: 1,
      changed: [{ noun: 'filters', name: 'filters', change: 'updated' }],
    });
    expect(entries(store, list).map((one) => entryText(requireList(list), one))).toStrictEqual([entry]);
    expect(refusedBy(store, () => add(store, list, same))).toMatchObject({
      kind: 'conflict',
      message: `${list} "${entry}" is there already; add --if-missing`,
    });
    expect(add(store, list, same, { present: 'keep' })).toMatchObject({ revision: 1, changed: [] });
    expect(add(store, list, same, { present: 'replace' })).toMatchObject({ revision: 1, changed: [] });
    expect(remove(store, list, [same])).toMatchObject({ revision: 2 });
    expect(entries(store, list)).toStrictEqual([]);
    expect(refusedBy(store, () => remove(store, list, [entry]))).toMatchObject({ kind: 'missing', exitCode: 3 });
    expect(remove(store, list, [entry], { ifExists: true })).toMatchObject({ revision: 2, changed: [] });
  });

  test('a name that is none is a usage error with the nearest one', () => {
    const store = scratchStore();
    expect(refusedBy(store, () => add(store, 'ipblock', '10.0.0.1'))).toMatchObject({
      exitCode: 2,
      message: 'there is no filter list "ipblock" (did you mean "ip-block"?)',
      suggestions: ['ip-block'],
    });
    expect(refusal(() => requireList('x')).message).toContain('lists: ip-allow, ip-block,');
    expect(requireList('IP-Block').name).toBe('ip-block');
  });

  test.each([
    ['ip-block', '10.0.0.0/33', /^ip-block: expected an address, a range .*found "10\.0\.0\.0\/33"$/],
    ['blocked-sender', 'fabrikam.com', /^blocked-sender: expected a mail address/],
    ['blocked-domain', 'a@b.example', /^blocked-domain: expected a domain/],
    ['agent', ' x', /^agent: expected a name/],
  ])('%s does not take %j', (list, entry, message) => {
    const store = scratchStore();
    expect(refusedBy(store, () => add(store, list, entry))).toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(message),
    });
    expect(refusedBy(store, () => remove(store, list, [entry], { ifExists: true }))).toMatchObject({ exitCode: 2 });
  });
});

describe('adding', () => {
  test('several at once is all or nothing, each once, in one revision', () => {
    const store = scratchStore();
    expect(add(store, 'blocked-domain', ['a.example', 'b.example', 'A.example']).revision).toBe(1);
    expect(entries(store, 'blocked-domain')).toStrictEqual(['a.example', 'b.example']);
    const { message } = refusedBy(store, () => add(store, 'blocked-domain', ['c.example', 'b.example', 'a.example']));
    expect(message.split('\n')).toHaveLength(2);
    add(store, 'blocked-domain', ['c.example', 'b.example'], { present: 'keep' });
    expect(entries(store, 'blocked-domain')).toStrictEqual(['a.example', 'b.example', 'c.example']);
    refusedBy(store, () => remove(store, 'blocked-domain', ['a.example', 'd.example']));
    remove(store, 'blocked-domain', ['a.example', 'c.example']);
    expect(entries(store, 'blocked-domain')).toStrictEqual(['b.example']);
  });

  test('an address keeps its comment and expiry until --replace gives it another', () => {
    const store = scratchStore();
    add(store, 'ip-block', '203.0.113.0/24', { comment: 'scanners', expires: '7d' });
    const stored = { range: '203.0.113.0/24', comment: 'scanners', expires: '2026-11-29T10:00:00.000Z' };
    expect(entries(store, 'ip-block')).toStrictEqual([stored]);
    const other = refusedBy(store, () => add(store, 'ip-block', '203.0.113.0/24', { comment: 'x', expires: 'never' }));
    expect(other.message).toBe(
      'ip-block "203.0.113.0/24" is there already with another comment and expires; add --replace, or remove it first',
    );
    const same = refusedBy(store, () => add(store, 'ip-block', '203.0.113.0/24', { comment: 'scanners' }));
    expect(same.message).toMatch(/is there already; add --if-missing$/);
    add(store, 'ip-block', '203.0.113.0/24', { comment: 'x', present: 'keep' });
    expect(entries(store, 'ip-block')).toStrictEqual([stored]);
    add(store, 'ip-block', ['203.0.113.0/24', '10.0.0.1'], { expires: 'never', present: 'replace' });
    expect(entries(store, 'ip-block')).toStrictEqual([
      { ...stored, expires: null },
      { range: '10.0.0.1', comment: '', expires: null },
    ]);
  });

  test.each([
    ['ip-block', { expires: '2020-01-01' }, /--expires takes a time to come/],
    [
      'ip-block',
      { zone: 'x.example' },
      /^--zone is a flag of allow-provider and block-provider; ip-block takes --comment, --expires$/,
    ],
    ['allow-provider', { response: 'x' }, /^--response is a flag of block-provider;/],
    [
      'blocked-sender',
      { disabled: true },
      /^--disabled is a flag of allow-provider and block-provider and agent; blocked-sender takes none$/,
    ],
    ['block-provider', { match: 'sometimes' }, /--match takes any, mask:NUMBER or addresses/],
    ['agent', { setting: ['delay'] }, /--setting takes KEY=VALUE, found "delay"/],
  ])('%s with %j is refused', (list, flags, message) => {
    expect(refusal(() => readDetails(requireList(list), flags, nowMs))).toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(message),
    });
  });

  test('--dry-run says so and writes nothing', () => {
    const store = scratchStore();
    expect(add(store, 'ip-block', '10.0.0.1', { dryRun: true })).toMatchObject({
      revision: null,
      changed: [{ noun: 'filters' }],
    });
    expect(entries(store, 'ip-block')).toStrictEqual([]);
  });

  test('more than a list holds is refused with its path', () => {
    const store = scratchStore();
    const many = Array.from({ length: 801 }, (_, index) => `u${index}@contoso.com`);
    expect(refusedBy(store, () => add(store, 'blocked-recipient', many)).message).toBe(
      'filters: recipients.blocked: holds at most 800 entries',
    );
  });
});

describe('providers', () => {
  const priorities = (store: Store) =>
    Object.fromEntries(
      entries(store, 'block-provider').map((entry) => [
        (entry as EstateObject)['name'],
        (entry as EstateObject)['priority'],
      ]),
    );

  test('take every field by its flag', () => {
    const store = scratchStore();
    const flags = { zone: 'zen.example', match: '127.0.0.2, 127.0.0.5', response: 'listed', disabled: true };
    add(store, 'block-provider', 'zen', flags);
    add(store, 'block-provider', 'bits', { zone: 'bits.example', match: 'mask:4' });
    expect(entries(store, 'block-provider')).toStrictEqual([
      {
        name: 'zen',
        zone: 'zen.example',
        priority: 1,
        enabled: false,
        match: { addresses: ['127.0.0.2', '127.0.0.5'] },
        response: 'listed',
      },
      { name: 'bits', zone: 'bits.example', priority: 2, enabled: true, match: { mask: 4 }, response: null },
    ]);
    expect(refusedBy(store, () => add(store, 'block-provider', 'third')).message).toBe(
      'block-provider "third" is new and needs --zone DOMAIN',
    );
    expect(refusedBy(store, () => add(store, 'block-provider', ['a', 'b'], { zone: 'x.example' })).message).toBe(
      'block-provider takes one name at a time, found 2',
    );
    const wrong = refusedBy(store, () => add(store, 'block-provider', 'c', { zone: 'c.example', match: 'mask:0' }));
    expect(wrong.message).toMatch(/^filters: blockProviders\[2\]\.match/);
  });

  test('a new one comes last; one with the priority of another pushes it down', () => {
    const store = scratchStore();
    for (const name of ['a', 'b']) add(store, 'block-provider', name, { zone: `${name}.example` });
    add(store, 'block-provider', 'far', { zone: 'far.example', priority: 9 });
    add(store, 'block-provider', 'first', { zone: 'first.example', priority: 1 });
    expect(priorities(store)).toStrictEqual({ a: 2, b: 3, far: 9, first: 1 });
    add(store, 'block-provider', 'last', { zone: 'last.example' });
    expect(priorities(store)).toMatchObject({ last: 10 });
    add(store, 'block-provider', 'b', { priority: 1, present: 'replace' });
    expect(priorities(store)).toStrictEqual({ a: 3, b: 1, far: 9, first: 2, last: 10 });
    add(store, 'block-provider', 'b', { priority: 9, present: 'keep' });
    expect(priorities(store)).toMatchObject({ b: 1, far: 9 });
  });

  test('whatever is added, the order of the others stays and the new one has its number to itself', () => {
    const list = requireList('allow-provider');
    const some = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 10 });
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 12 }), (stored, priority) => {
        const before = stored.map((number, index) => ({ name: `p${index}`, zone: 'x.example', priority: number }));
        const after = withAdded(list, before, ['new'], { zone: 'y.example', priority }, 'refuse') as typeof before;
        expect(after.at(-1)).toMatchObject({ name: 'new', priority });
        const others = after.slice(0, -1);
        expect(others.some((other) => other.priority === priority)).toBe(false);
        for (const [i, one] of before.entries()) {
          expect((others[i]?.priority ?? 0) - one.priority).toBeOneOf(one.priority < priority ? [0] : [0, 1]);
          for (const [j, two] of before.entries())
            expect(Math.sign((others[i]?.priority ?? 0) - (others[j]?.priority ?? 0))).toBe(
              Math.sign(one.priority - two.priority),
            );
        }
        expect(withoutEntries(list, after, ['NEW'], false)).toStrictEqual(others);
      }),
    );
  });
});

describe('agents', () => {
  test('take their module as an absolute path and settings as JSON or plain words', () => {
    const store = scratchStore();
    const flags = { module: 'my/agent.js', setting: ['delay=5m', 'nets=["10.0.0.0/8"]', 'max=7', '__proto__=x'] };
    const { warnings } = add(store, 'agent', 'mine', flags);
    expect(warnings).toStrictEqual([
      {
        code: 'no-module',
        object: 'agent "mine"',
        message: `has the module ${process.cwd()}/my/agent.js, which is not there on this host`,
      },
    ]);
    const [agent] = entries(store, 'agent') as [EstateObject];
    expect(agent).toMatchObject({ module: `${process.cwd()}/my/agent.js`, enabled: true, priority: 100 });
    expect(JSON.stringify(agent['settings'])).toBe('{"delay":"5m","nets":["10.0.0.0/8"],"max":7,"__proto__":"x"}');
    add(store, 'agent', 'MINE', { setting: ['max=8'], present: 'replace' });
    expect((entries(store, 'agent')[0] as EstateObject)['settings']).toMatchObject({ delay: '5m', max: 8 });
    expect(add(store, 'agent', 'real', { module: process.execPath }).warnings).toStrictEqual([]);
    expect(refusedBy(store, () => add(store, 'agent', 'none')).message).toMatch(/is new and needs --module PATH$/);
  });
});

describe('set', () => {
  test('changes settings, clears them, and leaves the lists alone', () => {
    const store = scratchStore();
    add(store, 'blocked-sender', 'spam@fabrikam.com');
    set(store, { senders: { action: 'stamp', blockBlank: true }, spf: { fail: 'reject' } });
    expect(filtersOf(store)).toMatchObject({
      senders: { blocked: ['spam@fabrikam.com'], action: 'stamp', blockBlank: true },
      spf: { fail: 'reject', tempError: 'stamp' },
    });
    set(store, { senders: { action: null } });
    expect(filtersOf(store)).toMatchObject({ senders: { blocked: ['spam@fabrikam.com'], action: 'reject' } });
    expect(refusedBy(store, () => set(store, { senders: { actoin: 'stamp' } })).message).toBe(
      'filters: senders.actoin: unknown key "actoin" (did you mean "action"?)',
    );
    expect(refusedBy(store, () => set(store, {}))).toMatchObject({ exitCode: 2 });
  });

  test('switches filters, providers and agents by name', () => {
    const store = scratchStore();
    add(store, 'allow-provider', 'Dual', { zone: 'a.example' });
    add(store, 'block-provider', 'Zen', { zone: 'z.example' });
    add(store, 'agent', 'dual', { module: '/x.js' });
    set(store, {}, ['spf'], ['zen', 'sender', 'agent:DUAL']);
    expect(filtersOf(store)).toMatchObject({
      enabled: { connection: true, sender: false, recipient: true, spf: true },
      allowProviders: [{ enabled: true }],
      blockProviders: [{ enabled: false }],
      agents: [{ enabled: false }],
    });
    expect(set(store, {}, ['SPF'])).toMatchObject({ changed: [] });
    expect(refusedBy(store, () => set(store, {}, ['dual']))).toMatchObject({
      exitCode: 2,
      message: '"dual" may be allow-provider:Dual or agent:dual; say which',
      suggestions: ['allow-provider:Dual', 'agent:dual'],
    });
    expect(refusedBy(store, () => set(store, {}, ['zne']))).toMatchObject({
      exitCode: 3,
      message: 'there is no filter, provider or agent "zne" (did you mean "Zen"?)',
    });
    expect(refusedBy(store, () => set(store, {}, ['zen'], ['block-provider:Zen'])).message).toBe(
      'block-provider "zen" cannot be both enabled and disabled',
    );
  });
});

describe('list', () => {
  test('gives the filters as export does, and a row for each entry and setting', () => {
    const store = scratchStore();
    apply(store, {
      estate: 1,
      filters: {
        ipBlock: [
          { range: '10.0.0.1', expires: '2026-11-22T09:59:59Z', comment: 'gone' },
          { range: '10.0.0.2', expires: '2026-11-22T10:00:01Z' },
        ],
        blockProviders: [
          { name: 'two', zone: 'two.example', priority: 2, enabled: false },
          { name: 'one', zone: 'one.example' },
        ],
      },
    });
    const all = listFilters(store, undefined, nowMs);
    expect(all.document).toStrictEqual(exported(store)['filters']);
    expect(all.rows.slice(0, 4)).toStrictEqual([
      ['ip-block', '10.0.0.1', 'expired', 'comment: gone; expires: 2026-11-22T09:59:59Z'],
      ['ip-block', '10.0.0.2', '', 'expires: 2026-11-22T10:00:01Z'],
      ['block-provider', 'one', '', 'zone: one.example; priority: 1; match: any'],
      ['block-provider', 'two', 'disabled', 'zone: two.example; priority: 2; match: any'],
    ]);
    expect(all.rows).toContainEqual(['setting', 'enabled.spf', '', 'false']);
    expect(all.rows).toContainEqual(['setting', 'spf.tempError', '', 'stamp']);
    const one = listFilters(store, 'block-provider', nowMs);
    expect(one.document).toHaveLength(2);
    expect(one.rows.map(([name]) => name)).toStrictEqual(['one', 'two']);
  });
});
