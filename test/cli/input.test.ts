import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { run } from '../support/run.js';
import { smallEstate } from './estates.js';
import { createProgram, expectFailure, programPath } from './program.js';

/** An estate of 24 sites in 2.4 MB, most of it remarks; its letters take two bytes each, so that chunks part them. */
function largeEstate(): { text: string; names: string[] } {
  const names = Array.from({ length: 24 }, (_, index) => `Zürich${String(index).padStart(2, '0')}`);
  const remark = `# ${'ü'.repeat(50_000)}\n`;
  return { text: `estate: 1\nsites:\n${names.map((name) => `  - name: ${name}\n${remark}`).join('')}`, names };
}

describe.concurrent('standard input', () => {
  test('is read to its end, however slowly it comes', async () => {
    const program = createProgram();
    const { text, names } = largeEstate();
    const bytes = Buffer.from(text);
    expect(bytes.length).toBeGreaterThan(2_400_000);
    const child = spawn(process.execPath, [programPath, 'apply', '-f', '-', '--json'], {
      env: { ...process.env, ...program.env },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const exit = once(child, 'exit');
    const cuts = [0, 1, 700_001, 1_400_001, bytes.length];
    for (const [index, cut] of cuts.slice(0, -1).entries()) {
      await sleep(500);
      if (!child.stdin.write(bytes.subarray(cut, cuts[index + 1]))) await once(child.stdin, 'drain');
    }
    await sleep(500);
    child.stdin.end();
    expect(await exit).toStrictEqual([0, null]);
    expect((await program.json<{ name: string }[]>('site', 'list')).map(({ name }) => name)).toStrictEqual(names);
  });

  test('is read from a pipe of the shell with a slow start', async () => {
    const program = createProgram();
    const file = join(program.folder, 'estate.yaml');
    writeFileSync(file, largeEstate().text);
    const command = `(sleep 0.5; cat "${file}") | "${process.execPath}" "${programPath}" apply -f -`;
    expect(await run('sh', ['-c', command], { env: program.env })).toMatchObject({ code: 0 });
    expect(await program.json<object[]>('site', 'list')).toHaveLength(24);
  });

  test('that is closed or empty is no estate', async () => {
    const program = createProgram();
    await expectFailure(program, ['apply', '-f', '-'], { exit: 2, message: /<stdin>: expected an estate/ });
    const command = `"${process.execPath}" "${programPath}" apply -f - <&-`;
    expect(await run('sh', ['-c', command], { env: program.env })).toMatchObject({ code: 2, stdout: '' });
  });

  test('belongs to the loop that a command stands in, also where an argument is missing', async () => {
    const program = createProgram(smallEstate);
    const script = `while read -r name; do
      "${process.execPath}" "${programPath}" server show > /dev/null 2>&1
      "${process.execPath}" "${programPath}" server update "$name" --accepts own --quiet
    done`;
    const input = 'MBX1\nMBX2\nMBX3\n';
    expect(await run('sh', ['-c', script], { env: program.env, input })).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '',
    });
    const servers = await program.json<{ name: string; accepts: string }[]>('server', 'list');
    expect(servers.map(({ name, accepts }) => `${name} ${accepts}`)).toStrictEqual([
      'FE1 any',
      'MBX1 own',
      'MBX2 own',
      'MBX3 own',
    ]);
  });

  test('that is open and silent does not stop init, which asks nobody there', async () => {
    const program = createProgram();
    const child = spawn(process.execPath, [programPath, 'init', '--quiet'], {
      env: { ...process.env, ...program.env },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    expect(await once(child, 'exit')).toStrictEqual([0, null]);
    child.stdin.destroy();
  });
});
