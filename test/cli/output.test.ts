import { beforeAll, describe, expect, test } from 'vitest';
import { findProgram } from '../support/find-program.js';
import { run } from '../support/run.js';
import { smallEstate } from './estates.js';
import { type ChangeDocument, createProgram, type Program, programPath } from './program.js';

let program: Program;
beforeAll(() => {
  program = createProgram(smallEstate);
});

const escape = '\u001b';

describe.concurrent('standard output in a pipe', () => {
  test('list prints one line an object, its cells divided by tabs, and no heading', async () => {
    const { stdout } = await program.attempt(['server', 'list'], { env: { FORCE_COLOR: '3', CLICOLOR_FORCE: '1' } });
    const rows = stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split('\t'));
    expect(rows.map(([name, host, site]) => [name, host, site])).toStrictEqual([
      ['FE1', '127.0.0.1', 'Berlin'],
      ['MBX1', 'mbx1.contoso.com', 'Berlin'],
      ['MBX2', 'mbx2.contoso.com', 'Paris'],
      ['MBX3', 'mbx3.contoso.com', 'Berlin'],
    ]);
    expect(new Set(rows.map((row) => row.length)).size).toBe(1);
    expect(stdout).not.toContain(escape);
  });

  test.each([
    ['history'],
    ['test', 'routing', 'mail', '--to', 'ann@contoso.com'],
    ['database', 'update', 'DB1', '--active', 'MBX1'],
    ['server', 'show', 'MBX1'],
    ['--help'],
    ['server', 'create', '--help'],
  ])('has no escape codes: %s %s', async (...words) => {
    const { code, stdout } = await program.attempt(words);
    expect(code).toBe(0);
    expect(stdout).not.toBe('');
    expect(stdout).not.toContain(escape);
  });

  test('that is closed early ends the command quietly', async () => {
    const addresses = Array.from({ length: 3000 }, (_, index) => ({
      address: `user${index}@contoso.com`,
      database: 'DB1',
    }));
    const large = createProgram({ ...smallEstate, mailboxes: addresses });
    const words = ['mailbox list', 'mailbox list --json', 'export'];
    const script = words.map(
      (word) => `"${process.execPath}" "${programPath}" ${word} | head -1; echo "\${PIPESTATUS[0]}"`,
    );
    const { stdout, stderr } = await run('bash', ['-c', script.join('\n')], { env: large.env });
    const first = (await large.ok('mailbox', 'list')).split('\n')[0];
    expect(stdout).toBe(`${first}\n0\n[\n0\nestate: 1\n0\n`);
    expect(stderr).toBe('');
  });
});

describe.concurrent('--json', () => {
  test('prints one document, and warnings stand on standard error too', async () => {
    const own = createProgram(smallEstate);
    const { code, stdout, stderr } = await own.attempt(['site', 'create', 'Rome', '--json']);
    const document = JSON.parse(stdout) as ChangeDocument;
    expect(code).toBe(0);
    expect(document).toMatchObject({ revision: 2, changed: [{ noun: 'site', name: 'Rome', change: 'created' }] });
    expect(document.warnings).toHaveLength(1);
    expect(stderr).toBe(document.warnings.map(({ object, message }) => `warning: ${object} ${message}\n`).join(''));
    const text = await own.attempt(['site', 'create', 'Oslo']);
    expect(text.stdout).toBe('site "Oslo" created\nrevision 3\n');
    expect(text.stderr).toMatch(/^warning: site "Oslo" .*\n$/);
  });

  test('shapes: list an array, show an object, history an array, export the estate', async () => {
    const [list, show, history, estate] = await Promise.all([
      program.json<object[]>('site', 'list'),
      program.json<object>('site', 'show', 'Berlin'),
      program.json<object[]>('history'),
      program.json<object>('export'),
    ]);
    expect(list).toContainEqual(show);
    expect(show).toMatchObject({ name: 'Berlin', hub: false, acceptInbound: true });
    const keys = ['revision', 'at', 'actor', 'command', 'message', 'summary'];
    expect(Object.keys(history[0] ?? {}).toSorted()).toStrictEqual(keys.toSorted());
    expect(estate).toMatchObject({ estate: 1, sites: list });
  });

  test('of nothing is an empty list', async () => {
    expect(await program.json('certificate', 'list')).toStrictEqual([]);
    expect(await program.ok('certificate', 'list')).toBe('');
  });

  test('after -- is not for us', async () => {
    const { code, stdout, stderr } = await program.attempt(['site', 'show', '--', '--json']);
    expect({ code, stdout }).toStrictEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/there is no site "--json"/);
  });
});

describe('--quiet', () => {
  test('prints nothing on standard output; errors and warnings stay', async () => {
    const own = createProgram(smallEstate);
    expect(await own.attempt(['site', 'update', 'Paris', '--no-accept-inbound', '-q'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '',
    });
    const created = await own.attempt(['site', 'create', 'Rome', '--quiet']);
    expect(created).toMatchObject({ code: 0, stdout: '' });
    expect(created.stderr).toMatch(/^warning: /);
    const failed = await own.attempt(['site', 'create', 'Rome', '--quiet']);
    expect(failed).toMatchObject({ code: 4, stdout: '' });
    expect(failed.stderr).toMatch(/^error: site "Rome" is there already/);
    expect(await own.ok('history', '--quiet')).toBe('');
  });
});

const script = findProgram('script');
describe.skipIf(script === undefined)('on a terminal (skipped where script of util-linux is not installed)', () => {
  const onTerminal = async (env: Readonly<Record<string, string>>): Promise<string> => {
    const command = `"${process.execPath}" "${programPath}" site list`;
    const { stdout } = await run('script', ['-qec', command, '/dev/null'], { env: { ...program.env, ...env } });
    return stdout.replaceAll('\r', '');
  };

  test('list has headings and aligned columns', async () => {
    const [head, ...rows] = (await onTerminal({ NO_COLOR: '1' })).trimEnd().split('\n');
    expect(head).toMatch(/^NAME +HUB +ACCEPTINBOUND$/);
    expect(rows.map((row) => row.indexOf('false'))).toStrictEqual([head?.indexOf('HUB'), head?.indexOf('HUB')]);
  });

  test('colours are there, and NO_COLOR takes them away', async () => {
    const coloured = { TERM: 'xterm-256color', FORCE_COLOR: '1', NO_COLOR: '' };
    expect(await onTerminal(coloured)).toContain(escape);
    expect(await onTerminal({ ...coloured, FORCE_COLOR: '0', NO_COLOR: '1' })).not.toContain(escape);
  });
});
