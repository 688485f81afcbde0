import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { smallEstate } from '../cli/estates.js';
import { createProgram, expectFailure } from '../cli/program.js';
import { findProgram } from '../support/find-program.js';
import { freePort } from '../support/free-port.js';
import { run } from '../support/run.js';

/** No TLS door, and a front end in each site. */
const soundEstate = {
  ...smallEstate,
  servers: [...smallEstate.servers, { name: 'FE2', host: '127.0.0.2', site: 'Paris', roles: ['frontend'] }],
  receiveConnectors: [{ name: 'In', server: 'FE1', bindings: ['127.0.0.1:25'], auth: ['none'] }],
};
const oddEstate = { ...soundEstate, dags: [...smallEstate.dags, { name: 'DAG2' }] };
const missing = (folder: string) => ({
  name: 'mail',
  certFile: join(folder, 'none.pem'),
  keyFile: join(folder, 'none.key'),
});
const wrongEstate = { ...oddEstate, certificates: [missing('/nowhere')] };
const wrongLine =
  'error: certificate "mail": certFile: /nowhere/none.pem cannot be read: ENOENT: no such file or directory';

describe.concurrent('check', () => {
  test('of an estate in order says so and exits 0', async () => {
    const program = createProgram(soundEstate);
    expect(await program.ok('check')).toBe('nothing is wrong or odd\n');
    expect(await program.ok('check', '--quiet')).toBe('');
    expect(await program.json('check')).toStrictEqual([]);
  });

  test('with warnings alone exits 0', async () => {
    const program = createProgram(oddEstate);
    expect(await program.attempt(['check'])).toMatchObject({
      code: 0,
      stdout: 'warning: dag "DAG2" has no members; no server names it as its dag\n',
      stderr: '',
    });
    expect(await program.json('check')).toStrictEqual([
      {
        severity: 'warning',
        code: 'dag-without-members',
        object: 'dag "DAG2"',
        message: 'has no members; no server names it as its dag',
        path: '',
      },
    ]);
  });

  test('with errors exits 7, errors first', async () => {
    const program = createProgram(wrongEstate);
    const { code, stdout, stderr } = await program.attempt(['check']);
    expect({ code, stderr }).toStrictEqual({ code: 7, stderr: '' });
    const [first, second, ...rest] = stdout.trimEnd().split('\n');
    expect(first?.startsWith(wrongLine)).toBe(true);
    expect(second).toMatch(/^warning: dag "DAG2" /);
    expect(rest).toStrictEqual([]);
    const json = await program.attempt(['check', '--json']);
    expect(json).toMatchObject({ code: 7, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject([
      { severity: 'error', code: 'certificate-unreadable', object: 'certificate "mail"', path: 'certFile' },
      { severity: 'warning', code: 'dag-without-members', object: 'dag "DAG2"', path: '' },
    ]);
  });

  test('without a store is the error of the store', async () => {
    await expectFailure(createProgram(), ['check'], { exit: 5, message: /there is no store at/ });
  });

  const script = findProgram('script');
  test.skipIf(script === undefined)(
    'on a terminal is a table (skipped where script of util-linux is not installed)',
    async () => {
      const program = createProgram(wrongEstate);
      const usher = `"${process.execPath}" "${new URL('../../bin/run.js', import.meta.url).pathname}" check`;
      const { stdout } = await run('script', ['-qec', usher, '/dev/null'], { env: { ...program.env, NO_COLOR: '1' } });
      const [head, first, second] = stdout.replaceAll('\r', '').split('\n');
      expect(head).toMatch(/^SEVERITY +OBJECT +MESSAGE$/);
      expect(first).toMatch(/^error +certificate "mail" certFile +\/nowhere/);
      expect(second).toMatch(/^warning +dag "DAG2" +has no members/);
    },
  );
});

describe.concurrent('start', () => {
  test('prints the warnings of the estate on standard error and goes on', async () => {
    const listeners = [{ name: 'H', server: 'FE1', protocol: 'http', bind: `127.0.0.1:${await freePort()}` }];
    const program = createProgram({ ...oddEstate, receiveConnectors: [], listeners });
    const started = await program.attempt(['start', '--on', 'FE1', '--json']);
    try {
      expect(started).toMatchObject({
        code: 0,
        stderr: 'warning: dag "DAG2" has no members; no server names it as its dag\n',
      });
      expect(JSON.parse(started.stdout)).toMatchObject({ running: true, frontEnd: 'FE1' });
    } finally {
      await program.ok('stop', '--now');
    }
  });

  test('refuses an estate with errors, names them and exits 1', async () => {
    const program = createProgram(wrongEstate);
    const { code } = await expectFailure(program, ['start', '--on', 'FE1'], {
      exit: 1,
      message: /the estate has an error .*\n {2}certificate "mail": certFile: \/nowhere\/none\.pem cannot be read/,
      suggestions: ['usher check'],
    });
    expect(code).toBe('estate-has-errors');
    await expectFailure(program, ['status'], { exit: 6, message: /is not running/ });
  });
});
