import { beforeAll, describe, expect, test } from 'vitest';
import { smallEstate } from './estates.js';
import { createProgram, expectFailure, type Program } from './program.js';

let program: Program;
beforeAll(() => {
  program = createProgram(smallEstate);
});

const commands: ReadonlyArray<readonly [typed: string, message: RegExp, suggestions: readonly string[]]> = [
  ['site lst', /there is no command "site lst" \(did you mean "site list"\?\)/, ['usher site list']],
  ['sits list', /did you mean "site list"/, ['usher site list']],
  ['list site', /did you mean "site list"/, ['usher site list']],
  ['sitee', /there is no command "sitee" \(did you mean "site"\?\)/, ['usher site']],
  ['test rooting mail', /did you mean "test routing mail"/, ['usher test routing mail']],
  [
    'mailbox transfer',
    /there is no command "mailbox transfer"/,
    ['create', 'delete', 'list', 'move', 'show', 'update'].map((verb) => `usher mailbox ${verb}`),
  ],
  ['frobnicate', /there is no command "frobnicate"/, ['usher --help']],
  ['site list Berlin', /"usher site list" takes no argument "Berlin"/, ['usher site list --help']],
];

describe.concurrent('an unknown command', () => {
  test.each(commands)('%s', async (typed, message, suggestions) => {
    await expectFailure(program, typed.split(' '), { exit: 2, message, suggestions });
  });

  test('is unknown with --help too', async () => {
    const { code, stdout, stderr } = await program.attempt(['site', 'lst', '--help']);
    expect({ code, stdout }).toStrictEqual({ code: 2, stdout: '' });
    expect(stderr).toBe('error: there is no command "site lst" (did you mean "site list"?)\n  try: usher site list\n');
  });

  test('and so is a flag in its place', async () => {
    await expectFailure(program, ['--quite', 'site', 'list'], {
      exit: 2,
      message: /flags stand after the command; "--quite" came first/,
    });
  });

  test('a topic alone shows its verbs; with flags it is no command', async () => {
    const help = await program.ok('site');
    for (const verb of ['create', 'list', 'show', 'update', 'delete']) expect(help).toContain(`site ${verb}`);
    expect(await program.ok('help', 'site')).toBe(help);
    const { code, stdout, stderr } = await program.attempt(['site', '--json']);
    expect({ code, stderr }).toStrictEqual({ code: 2, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'usage', message: '"usher site" is no whole command' } });
  });
});

/** One line each, and the nearest flag where one is near. */
const usage: ReadonlyArray<readonly [typed: string, stderr: string]> = [
  ['site list --jsno', 'error: unknown flag --jsno (did you mean "--json"?)\n  try: --json\n'],
  ['site update Berlin --no-hubb', 'error: unknown flag --no-hubb (did you mean "--no-hub"?)\n  try: --no-hub\n'],
  ['server update MBX1 --hots x', 'error: unknown flag --hots (did you mean "--host"?)\n  try: --host\n'],
  ['site update Berlin --frobnicate', 'error: unknown flag --frobnicate; see --help\n'],
  ['site create', 'error: missing argument NAME (name of the site)\n'],
  ['mailbox move --to DB2', 'error: missing argument ADDRESS (the mailboxes, one or more)\n'],
  ['site show Berlin Paris', 'error: unexpected argument "Paris"\n'],
  ['mailbox move ann@contoso.com', 'error: missing flag --to\n'],
  ['apply', 'error: missing flag --file\n'],
  ['history --limit many', 'error: --limit takes an integer, found "many"\n'],
  ['history --limit 0', 'error: --limit takes an integer greater than or equal to 1, found "0"\n'],
  ['site list --store', 'error: --store takes a value\n'],
  ['stop --now --timeout 3s', 'error: --timeout and --now cannot both be given\n'],
  ['stop --timeout soon', 'error: --timeout takes a duration (30s, 5m), found "soon"\n'],
  ['site update Berlin --hub=maybe', 'error: --hub is true or false, found "maybe"\n'],
  ['site update Berlin --set hub', 'error: --set takes FIELD=VALUE, found "hub"\n'],
  ['site update Berlin --set hubb=1', 'error: site has no field "hubb" to set (did you mean "hub"?)\n'],
  ['server update MBX1 --set endpoints.__proto__.x=1', 'error: server has no field "endpoints.__proto__.x" to set\n'],
];

describe.concurrent('a wrong command line', () => {
  test.each(usage)('usher %s', async (typed, stderr) => {
    expect(await program.attempt(typed.split(' '))).toStrictEqual({ code: 2, stdout: '', stderr });
  });

  test('is said in a document with --json', async () => {
    await expectFailure(program, ['site', 'create'], { exit: 2, message: /missing argument NAME/, suggestions: [] });
    await expectFailure(program, ['site', 'list', '--jsno'], {
      exit: 2,
      message: /unknown flag --jsno/,
      suggestions: ['--json'],
    });
  });

  test('changes nothing', async () => {
    expect(await program.json<object[]>('history')).toHaveLength(1);
  });
});

test('switches take =true and =false', async () => {
  const own = createProgram(smallEstate);
  await own.ok('site', 'update', 'Berlin', '--hub=true');
  expect(await own.json('site', 'show', 'Berlin')).toMatchObject({ hub: true });
  await own.ok('site', 'update', '--hub=false', 'Berlin');
  expect(await own.json('site', 'show', 'Berlin')).toMatchObject({ hub: false });
});
