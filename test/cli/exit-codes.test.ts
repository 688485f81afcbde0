import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ControlAnswer } from '../../src/control/messages.js';
import { smallEstate } from './estates.js';
import { createProgram, expectFailure, type Program } from './program.js';

let program: Program;
beforeAll(() => {
  program = createProgram(smallEstate);
});

/** What commands on the small estate exit with, and what they say. */
const table: ReadonlyArray<readonly [exit: number, typed: string, message: RegExp]> = [
  [2, 'link update BP --cost much', /--cost|cost/],
  [2, 'server create X --site Rome', /there is no site "Rome"/],
  [2, 'database activate DB1 --to MBX3', /"DB1" has no copy on "MBX3"; its copies are on MBX1, MBX2/],
  [2, 'mailbox move ann@contoso.com --to DB9', /there is no database "DB9"/],
  [2, 'apply -f -', /<stdin>.*sitez/s],
  [2, 'apply -f /nowhere.yaml', /the file \/nowhere\.yaml is not there/],
  [2, 'test routing mail --to ann@contoso.com --size big', /--size takes a size/],
  [2, 'test routing client --protocol imaps', /--protocol takes one of .*imap.*did you mean "imap"/],
  [3, 'site show Berlim', /there is no site "Berlim" \(did you mean "Berlin"\?\)/],
  [3, 'site delete Rome', /there is no site "Rome"/],
  [3, 'link update PB --cost 5', /there is no link "PB"/],
  [3, 'database activate DB9 --to MBX1', /there is no database "DB9"/],
  [3, 'mailbox move ann@contoso.com zoe@contoso.com --to DB2', /there is no mailbox "zoe@contoso\.com"/],
  [3, 'test routing mail --to ann@contoso.com --down MBX9', /there is no server "MBX9" \(did you mean/],
  [3, 'test routing mail --to ann@contoso.com --revision 99', /there is no revision 99/],
  [4, 'site create berlin', /site "Berlin" is there already/],
  [4, 'site delete Berlin', /site "Berlin" is in use by .*link "BP"/],
  [4, 'database delete DB1', /2 mailboxes \(move them with "usher mailbox move"\)/],
  [4, 'site create Rome --expect-revision 77', /revision 77 was expected, the store is at 1/],
  [4, 'init', /holds an estate already/],
  [6, 'status', /is not running; start it with "usher start"/],
];

describe.concurrent('exit codes', () => {
  const isFirst = ([exit]: (typeof table)[number], index: number): boolean =>
    table.findIndex((row) => row[0] === exit) === index;

  test.each(table.filter(isFirst))('%i, with and without --json: usher %s', async (exit, typed, message) => {
    await expectFailure(program, typed.split(' '), { exit, message });
  });

  test.each(table.filter((row, index) => !isFirst(row, index)))('%i: usher %s', async (exit, typed, message) => {
    const { code, stdout, stderr } = await program.attempt(typed.split(' '), { input: 'sitez: []' });
    expect({ code, stdout }).toStrictEqual({ code: exit, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^error: /);
  });

  test('0: stop when nothing runs', async () => {
    expect(await program.json('stop')).toStrictEqual({ stopped: false, sessionsClosed: 0 });
  });

  test('a refused change leaves the store as it was', async () => {
    const own = createProgram(smallEstate);
    await expectFailure(own, ['mailbox', 'move', 'ann@contoso.com', 'zoe@contoso.com', '--to', 'DB2'], {
      exit: 3,
      message: /zoe/,
    });
    expect(await own.json('mailbox', 'show', 'ann@contoso.com')).toMatchObject({ database: 'DB1' });
    expect(await own.json<object[]>('history')).toHaveLength(1);
  });
});

describe.concurrent('5: the store', () => {
  const place = (make: (path: string) => void): Program => {
    const own = createProgram();
    make(own.store);
    return own;
  };

  test('is missing for a read, and a read does not make one', async () => {
    const own = createProgram();
    const missing = { exit: 5, message: /there is no store at .*usher init/ };
    await expectFailure(own, ['site', 'list'], missing);
    await expectFailure(own, ['export'], missing);
    await expectFailure(own, ['history'], missing);
    expect(await own.change('site', 'create', 'Rome')).toMatchObject({ revision: 1 });
  });

  test('is a directory', async () => {
    const own = place((path) => mkdirSync(path));
    await expectFailure(own, ['site', 'list'], { exit: 5, message: /is a directory/ });
  });

  test('is no database', async () => {
    const own = place((path) => writeFileSync(path, 'no database at all, only text that is long enough'));
    await expectFailure(own, ['site', 'list'], { exit: 5, message: /is not a SQLite database/ });
    await expectFailure(own, ['site', 'create', 'Rome'], { exit: 5, message: /is not a SQLite database/ });
  });

  test('is the database of another program', async () => {
    const own = place((path) => new Database(path).exec('CREATE TABLE other (id INTEGER)').close());
    await expectFailure(own, ['site', 'create', 'Rome'], { exit: 5, message: /no usher store/ });
  });

  test('is too new', async () => {
    const own = place((path) => copyFileSync(program.store, path));
    const database = new Database(own.store);
    database.pragma('user_version = 9999');
    database.close();
    await expectFailure(own, ['site', 'list'], { exit: 5, message: /newer/ });
    await expectFailure(own, ['site', 'create', 'Rome'], { exit: 5, message: /newer/ });
  });
});

describe('8: a running runtime', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  /** Something that listens where a runtime would, and gives one answer to everything. */
  const answering = async (path: string, answer: ControlAnswer): Promise<void> => {
    server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.end(`${JSON.stringify(answer)}\n`));
    });
    await new Promise<void>((resolve) => server?.listen(path, resolve));
  };

  test('refuses the revision, which is committed all the same', async () => {
    const own = createProgram(smallEstate);
    const socket = join(own.folder, 'runtime.sock');
    const reason = 'port 143 is in use';
    await answering(socket, { answer: 'taken-up', revision: 1, refused: { revision: 2, reason } });
    const refused = await own.attempt(['dag', 'create', 'DAG2', '--json', '--socket', socket]);
    expect(refused).toMatchObject({ code: 8, stderr: '' });
    expect(JSON.parse(refused.stdout)).toMatchObject({
      error: { code: 'not-in-force', message: `revision 2 is committed, but not in force: ${reason}` },
    });
    const text = await own.attempt(['dag', 'create', 'DAG3'], { env: { USHER_SOCKET: socket } });
    expect(text).toMatchObject({ code: 8, stdout: 'dag "DAG3" created\nrevision 3\n' });
    expect(text.stderr).toContain(reason);
    expect(await own.json('dag', 'show', 'DAG2')).toMatchObject({ name: 'DAG2' });
  });

  test('a dry run and a change of nothing do not ask it', async () => {
    const own = createProgram(smallEstate);
    const socket = join(own.folder, 'runtime.sock');
    await answering(socket, { answer: 'error', reason: 'was asked' });
    expect(await own.change('site', 'create', 'Rome', '--dry-run', '--socket', socket)).toMatchObject({
      revision: null,
    });
    expect(await own.change('site', 'create', 'Berlin', '--if-missing', '--socket', socket)).toMatchObject({
      changed: [],
    });
  });

  test('that is gone and left its socket is no failure', async () => {
    const own = createProgram(smallEstate);
    expect(await own.change('site', 'create', 'Rome', '--socket', join(own.folder, 'gone.sock'))).toMatchObject({
      revision: 2,
    });
  });
});
