import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { smallEstate } from '../cli/estates.js';
import { createProgram, expectFailure, programPath } from '../cli/program.js';
import { run } from '../support/run.js';

describe.concurrent('export and apply', () => {
  test('export | apply -f - changes nothing, as YAML and as JSON', async () => {
    const program = createProgram(smallEstate);
    const usher = `"${process.execPath}" "${programPath}"`;
    for (const form of ['', '--json']) {
      const command = `${usher} export ${form} | ${usher} apply -f - --prune --json`;
      const { code, stdout, stderr } = await run('sh', ['-c', command], { env: program.env });
      expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' });
      expect(JSON.parse(stdout)).toMatchObject({ revision: 1, changed: [] });
    }
  });

  test('export fills an empty store with the same estate', async () => {
    const program = createProgram(smallEstate);
    const exported = await program.ok('export');
    const copy = createProgram();
    expect((await copy.attempt(['apply', '-f', '-'], { input: exported })).code).toBe(0);
    expect(await copy.ok('export')).toBe(exported);
  });

  test('apply leaves alone what the file does not name; --prune deletes it', async () => {
    const program = createProgram(smallEstate);
    const file = join(program.folder, 'estate.json');
    writeFileSync(
      file,
      JSON.stringify({ ...smallEstate, mailboxes: [], dags: [...smallEstate.dags, { name: 'DAG2' }] }),
    );
    expect((await program.change('apply', '-f', file)).changed).toStrictEqual([
      { noun: 'dag', name: 'DAG2', change: 'created' },
    ]);
    const pruned = await program.change('apply', '-f', file, '--prune', '--message', 'mailboxes go');
    expect(pruned.changed.map(({ noun, change }) => `${noun} ${change}`)).toStrictEqual(
      Array.from({ length: 3 }, () => 'mailbox deleted'),
    );
  });

  test('everything wrong in a file is named by its line, and nothing of it is kept', async () => {
    const program = createProgram(smallEstate);
    const file = join(program.folder, 'estate.yaml');
    writeFileSync(
      file,
      'estate: 1\nsites:\n  - name: Rome\n    hubb: true\nlinks:\n  - name: BR\n    sites: [Berlin, Rome]\n    cost: 0\n',
    );
    const { message } = await expectFailure(program, ['apply', '-f', file], { exit: 2, message: /hubb/ });
    expect(message).toContain(`${file}:4`);
    expect(message).toContain(`${file}:8`);
    expect(message).toMatch(/did you mean "hub"/);
    expect(await program.json<object[]>('site', 'list')).toHaveLength(2);
    expect(await program.json<object[]>('history')).toHaveLength(1);
  });
});

describe.concurrent('the store', () => {
  test('is the one of --store, before that of USHER_STORE', async () => {
    const program = createProgram(smallEstate);
    const other = join(program.folder, 'new', 'folder', 'other.db');
    expect(await program.change('site', 'create', 'Rome', '--store', other)).toMatchObject({ revision: 1 });
    expect(await program.json('site', 'list', '--store', other)).toMatchObject([{ name: 'Rome' }]);
    expect(await program.json<object[]>('site', 'list')).toHaveLength(2);
  });

  test('without either is under the XDG state folder of an ordinary user', async () => {
    const program = createProgram();
    const env = { USHER_STORE: '', XDG_STATE_HOME: program.folder, HOME: program.folder };
    const { code, stderr } = await program.attempt(['site', 'list'], { env });
    const place = process.getuid?.() === 0 ? '/var/lib/usher/usher.db' : join(program.folder, 'usher', 'usher.db');
    expect({ code, stderr }).toStrictEqual({
      code: 5,
      stderr: expect.stringContaining(`there is no store at ${place}`),
    });
  });
});
