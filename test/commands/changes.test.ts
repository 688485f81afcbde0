import { beforeAll, describe, expect, test, vi } from 'vitest';
import { smallEstate } from '../cli/estates.js';
import { createProgram, expectFailure, type Program } from '../cli/program.js';

interface Revision {
  readonly revision: number;
  readonly actor: string;
  readonly command: string;
  readonly message: string | null;
  readonly summary: string;
}

// Each starts several programs, all of them at once.
vi.setConfig({ testTimeout: 60_000 });

describe.concurrent('flags of changing commands', () => {
  let program: Program;
  beforeAll(() => {
    program = createProgram(smallEstate);
  });

  test('create --if-missing and delete --if-exists can be repeated', async () => {
    const own = createProgram(smallEstate);
    expect(await own.change('dag', 'create', 'DAG2', '--if-missing')).toMatchObject({ revision: 2 });
    expect(await own.change('dag', 'create', 'dag2', '--if-missing')).toMatchObject({ revision: 2, changed: [] });
    expect(await own.change('dag', 'delete', 'DAG2', '--if-exists')).toMatchObject({ revision: 3 });
    expect(await own.change('dag', 'delete', 'DAG2', '--if-exists')).toMatchObject({ revision: 3, changed: [] });
    expect(await own.ok('dag', 'delete', 'DAG2', '--if-exists')).toBe('nothing to change; revision 3\n');
  });

  test.each([
    ['site', 'create', 'Rome'],
    ['site', 'update', 'Berlin', '--hub'],
    ['link', 'delete', 'BP'],
    ['database', 'activate', 'DB1', '--to', 'MBX2'],
    ['mailbox', 'move', 'ann@contoso.com', '--to', 'DB2'],
  ])('%s %s --dry-run says what would change and writes nothing', async (...words) => {
    const before = await program.ok('export');
    const dry = await program.change(...words, '--dry-run');
    expect(dry).toMatchObject({ revision: null });
    expect(dry.changed).toHaveLength(1);
    expect(await program.ok('export')).toBe(before);
    expect(await program.json<object[]>('history')).toHaveLength(1);
  });

  test('--dry-run refuses what the change itself would refuse', async () => {
    await expectFailure(program, ['site', 'delete', 'Berlin', '--dry-run'], { exit: 4, message: /in use/ });
  });

  test('the history keeps who, what was typed, why and what changed', async () => {
    const own = createProgram(smallEstate);
    const env = { USHER_ACTOR: 'Ann (on call)' };
    await own.attempt(['dag', 'create', 'DAG 2', '--message', 'new "rack"\nin Berlin'], { env });
    await own.attempt(['database', 'activate', 'DB1', '--to', 'MBX2'], { env });
    const [activated, created] = await own.json<Revision[]>('history', '--limit', '2');
    expect(created).toMatchObject({
      revision: 2,
      actor: 'Ann (on call)',
      command: 'usher dag create "DAG 2" --message "new \\"rack\\"\\nin Berlin"',
      message: 'new "rack"\nin Berlin',
      summary: 'created dag "DAG 2"',
    });
    expect(activated).toMatchObject({ revision: 3, message: null, summary: 'updated database "DB1"' });
    const lines = (await own.ok('history')).trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/^2\t\S+\tAnn \(on call\)\tcreated dag "DAG 2"\tnew "rack" in Berlin$/);
  });

  test('--expect-revision lets only one of two writers through', async () => {
    const own = createProgram(smallEstate);
    const both = await Promise.all(
      ['DAG2', 'DAG3'].map((name) => own.attempt(['dag', 'create', name, '--expect-revision', '1'])),
    );
    expect(both.map(({ code }) => (code === 0 ? 'done' : `exit ${String(code)}`)).toSorted()).toStrictEqual([
      'done',
      'exit 4',
    ]);
    expect(await own.json<object[]>('dag', 'list')).toHaveLength(2);
  });

  test('writers at once each get a revision of their own', async () => {
    const own = createProgram(smallEstate);
    const names = ['D1', 'D2', 'D3', 'D4', 'D5', 'D6'];
    const made = await Promise.all(names.map((name) => own.change('dag', 'create', name)));
    expect(made.map(({ revision }) => Number(revision)).toSorted((left, right) => left - right)).toStrictEqual([
      2, 3, 4, 5, 6, 7,
    ]);
    expect(await own.json<object[]>('dag', 'list')).toHaveLength(7);
  });
});

describe.concurrent('fields', () => {
  test('lists are repeated or take commas, before or after the name', async () => {
    const program = createProgram(smallEstate);
    await program.ok('site', 'create', 'Rome', '-q');
    await program.ok('link', 'create', '--sites', 'Berlin', '--sites', 'Paris,Rome', 'BPR');
    expect(await program.json('link', 'show', 'BPR')).toMatchObject({ sites: ['Berlin', 'Paris', 'Rome'], cost: 100 });
    await program.ok('mailbox', 'update', 'ann@contoso.com', '--aliases=a@contoso.com, a2@contoso.com');
    expect(await program.json('mailbox', 'show', 'Ann@Contoso.com')).toMatchObject({
      aliases: ['a@contoso.com', 'a2@contoso.com'],
    });
    await program.ok('mailbox', 'update', 'ann@contoso.com', '--aliases', '');
    expect(await program.json('mailbox', 'show', 'ann@contoso.com')).toMatchObject({ aliases: [] });
  });

  test('--set and --unset reach fields inside fields', async () => {
    const program = createProgram(smallEstate);
    const show = () => program.json<{ endpoints: object }>('server', 'show', 'MBX1');
    await program.ok(
      'server',
      'update',
      '--set',
      'endpoints.imap.port=143',
      '--set',
      'endpoints.imap.tls=none',
      'MBX1',
    );
    await program.ok('server', 'update', 'MBX1', '--set', 'endpoints.pop=110');
    expect(await show()).toMatchObject({ endpoints: { imap: { port: 143, tls: 'none' }, pop: 110, smtp: 2525 } });
    await program.ok('server', 'update', 'MBX1', '--unset', 'endpoints.imap');
    expect(await show()).toMatchObject({ endpoints: { imap: 1993, pop: 110 } });
    await program.ok('mailbox', 'update', 'ann@contoso.com', '--set', 'protocols.imap=false');
    expect(await program.json('mailbox', 'show', 'ann@contoso.com')).toMatchObject({ protocols: { imap: false } });
    await expectFailure(program, ['server', 'update', 'MBX1', '--set', 'endpoints.imap.prot=1'], {
      exit: 2,
      message: /server "MBX1": endpoints\.imap\.prot: unknown key "prot" \(did you mean "port"\?\)/,
    });
  });

  test('every wrong value of a command is named at once', async () => {
    const program = createProgram(smallEstate);
    const words = [
      'receive-connector',
      'update',
      'In',
      '--max-recipients',
      '0',
      '--tarpit',
      'long',
      '--bindings',
      '25',
    ];
    const { message } = await expectFailure(program, words, { exit: 2, message: /maxRecipients/ });
    expect(message.split('\n')).toHaveLength(3);
    for (const field of [
      'maxRecipients: 0 is out of range',
      'tarpit: expected a duration',
      'bindings[0]: expected address:port',
    ]) {
      expect(message).toContain(`receive-connector "In": ${field}`);
    }
  });
});
