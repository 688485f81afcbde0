import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createProgram, expectFailure } from '../cli/program.js';

interface Filters {
  readonly enabled: object;
  readonly ipBlock: ReadonlyArray<{ readonly range: string; readonly expires: string | null }>;
  readonly agents: readonly object[];
}

const filtersChanged = { changed: [{ noun: 'filters', name: 'filters', change: 'updated' }], warnings: [] };

describe.concurrent('filter', { timeout: 60_000 }, () => {
  test('add, list and remove, with the whole in the form of export', async () => {
    const program = createProgram();
    const words = [
      'filter',
      'add',
      'ip-block',
      '203.0.113.0/24',
      '2001:db8::/32',
      '--comment',
      'scanners',
      '--expires',
      '7d',
    ];
    const before = Date.now();
    expect(await program.change(...words)).toStrictEqual({ revision: 1, ...filtersChanged });
    const filters = await program.json<Filters>('filter', 'list');
    expect(filters).toStrictEqual((await program.json<{ filters: Filters }>('export')).filters);
    expect(filters.ipBlock.map(({ range }) => range)).toStrictEqual(['203.0.113.0/24', '2001:db8::/32']);
    const lastsMs = Date.parse(filters.ipBlock[0]?.expires ?? '') - before;
    expect(Math.abs(lastsMs - 7 * 86_400_000)).toBeLessThan(60_000);
    expect(await program.json('filter', 'list', 'IP-block')).toStrictEqual(filters.ipBlock);
    const lines = (await program.ok('filter', 'list', 'ip-block')).trimEnd().split('\n');
    expect(lines.map((line) => line.split('\t').slice(0, 2))).toStrictEqual([
      ['203.0.113.0/24', ''],
      ['2001:db8::/32', ''],
    ]);
    expect(await program.ok('filter', 'list')).toMatch(
      /^ip-block\t203\.0\.113\.0\/24\t.*\nsetting\tspf\.fail\t\tstamp$/ms,
    );
    await program.ok('filter', 'remove', 'ip-block', '2001:db8::/32', '203.0.113.0/24');
    expect(await program.json('filter', 'list', 'ip-block')).toStrictEqual([]);
    const [entry] = await program.json<{ command: string }[]>('history', '--limit', '1');
    expect(entry?.command).toBe('usher filter remove ip-block 2001:db8::/32 203.0.113.0/24');
  });

  test('flags of changing commands', async () => {
    const program = createProgram();
    await program.ok('filter', 'add', 'blocked-sender', 'spam@fabrikam.com', '--message', 'complaints');
    expect(await program.change('filter', 'add', 'blocked-sender', 'SPAM@fabrikam.com', '--if-missing')).toMatchObject({
      revision: 1,
      changed: [],
    });
    expect(await program.change('filter', 'add', 'blocked-domain', 'a.example', '--dry-run')).toStrictEqual({
      revision: null,
      ...filtersChanged,
    });
    await expectFailure(program, ['filter', 'add', 'blocked-domain', 'a.example', '--expect-revision', '0'], {
      exit: 4,
      message: /revision 0 was expected/,
    });
    await expectFailure(program, ['filter', 'add', 'blocked-sender', 'spam@fabrikam.com'], {
      exit: 4,
      message: /^error: blocked-sender "spam@fabrikam\.com" is there already; add --if-missing$|^blocked-sender/m,
    });
    await expectFailure(program, ['filter', 'remove', 'blocked-sender', 'spm@fabrikam.com'], {
      exit: 3,
      message: /there is no blocked-sender "spm@fabrikam\.com" \(did you mean "spam@fabrikam\.com"\?\)/,
    });
    expect(await program.change('filter', 'remove', 'blocked-sender', 'x@y.example', '--if-exists')).toMatchObject({
      changed: [],
    });
    expect(await program.json<object[]>('history')).toMatchObject([{ revision: 1, message: 'complaints' }]);
  });

  test.each([
    [['list', 'ipblok'], /there is no filter list "ipblok" \(did you mean "ip-block"\?\)/],
    [['add', 'ip-block'], /missing argument ENTRY/],
    [['add', 'ip-block', '10.0.0.1', '--expires', 'soon'], /--expires takes a time .* found "soon"/],
    [['add', 'ip-block', '10.0.0.1', '--zone', 'x.example'], /--zone is a flag of allow-provider and block-provider/],
    [['add', 'ip-block', '10.0.0.1', '--replace', '--if-missing'], /--(replace|if-missing)/],
    [['set', '--set', 'spf.fail=drop'], /filters: spf\.fail: expected stamp, reject, delete, found "drop"/],
    [['set', '--set', 'fps.fail=drop'], /filters has no field "fps"/],
  ])('%j is refused with exit 2', async (words, message) => {
    const program = createProgram({ estate: 1 });
    await expectFailure(program, ['filter', ...words], { exit: 2, message });
  });

  test('providers and agents are added, pushed down, switched off and on', async () => {
    const program = createProgram();
    await program.ok('filter', 'add', 'block-provider', 'zen', '--zone', 'zen.example', '--match', 'mask:4');
    const first = ['--zone', 'one.example', '--priority', '1', '--response', 'see one.example', '--disabled'];
    await program.ok('filter', 'add', 'block-provider', 'one', ...first);
    expect(await program.json('filter', 'list', 'block-provider')).toStrictEqual([
      { name: 'zen', zone: 'zen.example', priority: 2, enabled: true, match: { mask: 4 }, response: null },
      { name: 'one', zone: 'one.example', priority: 1, enabled: false, match: 'any', response: 'see one.example' },
    ]);
    expect(await program.ok('filter', 'list', 'block-provider')).toMatch(/^one\tdisabled\t.*\nzen\t\t/);
    const agent = [
      'filter',
      'add',
      'agent',
      'mine',
      '--module',
      'mine.js',
      '--setting',
      'n=7',
      '--setting',
      'word=x y',
    ];
    const added = await program.attempt(agent);
    expect(added).toMatchObject({ code: 0, stderr: expect.stringMatching(/^warning: agent "mine" has the module \//) });
    expect(await program.json('filter', 'list', 'agent')).toStrictEqual([
      {
        name: 'mine',
        module: join(process.cwd(), 'mine.js'),
        enabled: true,
        priority: 100,
        settings: { n: 7, word: 'x y' },
      },
    ]);
    const set = ['--enable', 'one', '--enable', 'spf', '--disable', 'mine', '--set', 'senders.action=stamp'];
    await program.ok('filter', 'set', ...set, '--set', 'senders.blockBlank=true');
    expect(await program.json('filter', 'list')).toMatchObject({
      enabled: { connection: true, sender: true, recipient: true, spf: true },
      blockProviders: [{ enabled: true }, { enabled: true }],
      senders: { action: 'stamp', blockBlank: true },
      agents: [{ enabled: false }],
    });
    await program.ok('filter', 'set', '--unset', 'senders.action');
    expect(await program.json('filter', 'list')).toMatchObject({ senders: { action: 'reject', blockBlank: true } });
    await expectFailure(program, ['filter', 'set', '--enable', 'mien'], { exit: 3, message: /did you mean "mine"/ });
  });
});
