import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RuntimeStatus } from '../../src/control/messages.js';
import { createProgram, expectFailure, type Program } from '../cli/program.js';
import { freePort, freePorts } from '../support/free-port.js';

const frontEnd = (name: string) => ({ name, host: '127.0.0.1', site: 'Berlin', roles: ['frontend'] });

const estateWith = (ports: readonly number[], names = ['FE1']) => ({
  estate: 1,
  sites: [{ name: 'Berlin' }],
  servers: names.map(frontEnd),
  listeners: [
    { name: 'IMAP', protocol: 'imap', bind: `127.0.0.1:${ports[0]}`, server: names[0] },
    { name: 'POP', protocol: 'pop', bind: `127.0.0.1:${ports[1]}`, server: names[0] },
  ],
});

/** Holds a port until it is closed. */
async function occupy(port: number): Promise<{ [Symbol.asyncDispose](): Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // gone
  }
};

describe('a running runtime', () => {
  let program: Program;
  let ports: readonly number[];
  let status: RuntimeStatus;
  beforeAll(async () => {
    ports = await freePorts(2);
    program = createProgram(estateWith(ports));
    status = await program.json('start');
  });
  afterAll(() => program.ok('stop', '--now'));

  test('start returned when its doors were open', () => {
    expect(status).toMatchObject({ running: true, frontEnd: 'FE1', revision: 1, refused: null, store: program.store });
    const doors = status.doors.toSorted((left, right) => (left.name < right.name ? -1 : 1));
    expect(doors).toStrictEqual([
      { name: 'IMAP', protocol: 'imap', address: `127.0.0.1:${ports[0]}`, state: 'open' },
      { name: 'POP', protocol: 'pop', address: `127.0.0.1:${ports[1]}`, state: 'open' },
    ]);
    expect(isAlive(status.pid)).toBe(true);
  });

  test('start again is a conflict, status is the same', async () => {
    await expectFailure(program, ['start'], {
      exit: 4,
      message: new RegExp(`running already \\(pid ${status.pid}\\)`),
    });
    expect(await program.json('status', '--on', 'fe1')).toMatchObject({ pid: status.pid, revision: 1 });
    expect(await program.ok('status')).toMatch(/^FE1 runs as process \d+ for \d+s, revision 1 in force\n/);
    await expectFailure(program, ['status', '--on', 'FE9'], { exit: 6, message: /the runtime of FE9 is not running/ });
  });

  test('a change is in force when its command returns', async () => {
    expect(await program.change('dag', 'create', 'DAG1')).toMatchObject({ revision: 2 });
    expect(await program.json('status')).toMatchObject({ revision: 2, refused: null });
  });

  test('a change that cannot be put in force is committed, and exits 8 with the reason', async () => {
    const taken = await freePort();
    await using _ = await occupy(taken);
    const refused = await program.attempt([
      'listener',
      'create',
      'HTTP',
      '--protocol',
      'http',
      '--bind',
      `127.0.0.1:${taken}`,
      '--json',
    ]);
    expect(refused).toMatchObject({ code: 8 });
    const { error } = JSON.parse(refused.stdout) as { error: { code: string; message: string } };
    expect(error.code).toBe('not-in-force');
    expect(error.message).toMatch(new RegExp(`revision 3 is committed, but not in force: .*${taken}.*EADDRINUSE`));
    const now = await program.json<RuntimeStatus>('status');
    expect(now.refused).toMatchObject({ revision: 3 });
    expect(now.doors).toContainEqual(expect.objectContaining({ name: 'HTTP', state: 'closed' }));
    expect(await program.change('listener', 'delete', 'HTTP')).toMatchObject({ revision: 4 });
    expect(await program.json('status')).toMatchObject({ revision: 4, refused: null });
  });
});

describe.concurrent('start and stop', () => {
  test('stop ends the process, and there is nothing to stop after that', async () => {
    const program = createProgram(estateWith(await freePorts(2)));
    const { pid } = await program.json<RuntimeStatus>('start');
    expect(await program.json('stop')).toStrictEqual({ stopped: true, sessionsClosed: 0 });
    expect(isAlive(pid)).toBe(false);
    expect(await program.ok('stop')).toBe('nothing runs\n');
    await expectFailure(program, ['status'], { exit: 6, message: /is not running/, suggestions: ['usher start'] });
  });

  test('start names the door that cannot be opened, leaves nothing running and exits 1', async () => {
    const ports = await freePorts(2);
    const program = createProgram(estateWith(ports));
    await using _ = await occupy(ports[1] ?? 0);
    const message = new RegExp(`POP.*${ports[1]}|${ports[1]}.*POP`);
    await expectFailure(program, ['start'], { exit: 1, message }, { order: 'in turn' });
    await expectFailure(program, ['status'], { exit: 6, message: /is not running/ });
  });

  test('start without --on where several front ends fit asks which', async () => {
    const program = createProgram(estateWith(await freePorts(2), ['FE1', 'FE2']));
    await expectFailure(program, ['start'], { exit: 2, message: /FE1, FE2.*--on/ });
    await expectFailure(program, ['start', '--on', 'FE3'], { exit: 3, message: /FE3/ });
    expect(await program.json('start', '--on', 'fe2')).toMatchObject({ frontEnd: 'FE2', doors: [] });
    expect(await program.json('stop')).toMatchObject({ stopped: true });
  });

  test('start without a store is the error of the store', async () => {
    await expectFailure(createProgram(), ['start'], { exit: 5, message: /there is no store at/ });
  });
});
