import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { smallEstate } from '../cli/estates.js';
import { createProgram, expectFailure } from '../cli/program.js';

const columns = 'address,database,extension\n';

describe.concurrent('import mailboxes', () => {
  test('says how many there were, and takes a file or standard input', async () => {
    const program = createProgram(smallEstate);
    const file = join(program.folder, 'people.csv');
    writeFileSync(file, `${columns}ann@contoso.com,DB2,100\nbob@contoso.com,DB1,\ndan@contoso.com,DB1,\n`);
    const dry = await program.attempt(['import', 'mailboxes', '-f', file, '--dry-run']);
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(dry.stdout).toBe('1 created, 1 updated, 1 unchanged\ndry run: nothing was written\n');
    const words = ['import', 'mailboxes', '-f', '-', '--message', 'new people', '--json'];
    const input = `${columns}ann@contoso.com,DB2,100\nbob@contoso.com,DB1,\ndan@contoso.com,DB1,\n`;
    const { code, stdout } = await program.attempt(words, { input });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toStrictEqual({
      revision: 2,
      changed: [
        { noun: 'mailbox', name: 'ann@contoso.com', change: 'updated' },
        { noun: 'mailbox', name: 'dan@contoso.com', change: 'created' },
      ],
      changedCount: 2,
      created: 1,
      updated: 1,
      unchanged: 1,
      warnings: [],
    });
    expect(await program.json('history')).toMatchObject([{ revision: 2, message: 'new people' }, { revision: 1 }]);
    expect(await program.ok('import', 'mailboxes', '-f', file)).toBe(
      '0 created, 0 updated, 3 unchanged\nnothing to change; revision 2\n',
    );
    expect(await program.ok('import', 'mailboxes', '-f', file, '--quiet')).toBe('');
  });

  test('names every mistake by file and line and keeps nothing', async () => {
    const program = createProgram(smallEstate);
    const file = join(program.folder, 'people.csv');
    writeFileSync(file, `${columns}eve@contoso.com,DB1,\nfay,DB1,\ngus@contoso.com,DB9,\n`);
    const { message } = await expectFailure(program, ['import', 'mailboxes', '-f', file], { exit: 2, message: /fay/ });
    expect(message.split('\n')).toStrictEqual([
      `${file}:3: address: expected a mail address (ann@contoso.com), found "fay"`,
      `${file}:4: database: there is no database "DB9" (did you mean "DB1"?)`,
    ]);
    await expectFailure(program, ['import', 'mailboxes', '-f', '-'], { exit: 2, message: /<stdin>:1: is empty/ });
    await expectFailure(program, ['import', 'mailboxes', '-f', join(program.folder, 'none')], {
      exit: 2,
      message: /is not there/,
    });
    const stale = ['import', 'mailboxes', '-f', '-', '--expect-revision', '9'];
    await expectFailure(program, stale, { exit: 4, message: /revision 9 was expected/ }, { input: columns });
    expect(await program.json<object[]>('mailbox', 'list')).toHaveLength(3);
    expect(await program.json<object[]>('history')).toHaveLength(1);
  });
});
