import { describe, expect, test } from 'vitest';
import { smallEstate } from '../cli/estates.js';
import { createProgram } from '../cli/program.js';

describe('database activate', () => {
  test('moves the active copy, and activating it again changes nothing', async () => {
    const program = createProgram(smallEstate);
    expect(await program.json('database', 'show', 'DB1')).toMatchObject({ active: 'MBX1' });
    const changed = [{ noun: 'database', name: 'DB1', change: 'updated' }];
    expect(await program.change('database', 'activate', 'db1', '--to', 'mbx2')).toMatchObject({ revision: 2, changed });
    expect(await program.json('database', 'show', 'DB1')).toMatchObject({ active: 'MBX2', copies: ['MBX1', 'MBX2'] });
    expect(await program.change('database', 'activate', 'DB1', '--to', 'MBX2')).toMatchObject({
      revision: 2,
      changed: [],
    });
    const answer = await program.json('test', 'routing', 'client', '--protocol', 'imap', '--user', 'ann@contoso.com');
    expect(answer).toMatchObject({ revision: 2, targets: [{ server: 'MBX2' }] });
  });
});

describe('mailbox move', () => {
  test('moves several in one revision', async () => {
    const program = createProgram(smallEstate);
    const moved = await program.change(
      'mailbox',
      'move',
      'ann@contoso.com',
      '--to',
      'DB2',
      'BOB@contoso.com',
      'cyd@contoso.com',
    );
    expect(moved.revision).toBe(2);
    expect(moved.changed.map(({ name, change }) => `${name} ${change}`)).toStrictEqual([
      'ann@contoso.com updated',
      'bob@contoso.com updated',
    ]);
    const mailboxes = await program.json<{ database: string }[]>('mailbox', 'list');
    expect(mailboxes.map(({ database }) => database)).toStrictEqual(['DB2', 'DB2', 'DB2']);
    expect(await program.ok('database', 'delete', 'DB1')).toBe('database "DB1" deleted\nrevision 3\n');
  });
});
