import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createAgentLoader } from '../../src/runtime/load-agents.js';
import { tempDir } from '../support/temp-dir.js';

const folder = tempDir('agents');
let written = 0;

/** Writes a module, as if in a second of its own. */
function write(file: string, text: string): string {
  const path = join(folder, file);
  writeFileSync(path, text);
  written += 1;
  utimesSync(path, written, written);
  return path;
}

const entryOf = (module: string, given = {}) => ({
  name: 'own',
  module,
  enabled: true,
  priority: 100,
  settings: {},
  ...given,
});

const counting = (mark: string): string => `
  export function createAgent({ name, priority, settings, nowMs }) {
    let calls = 0;
    return { name, priority, mail: () => ({ kind: 'stamp', why: 'x', mark: '${mark}-' + (settings.word ?? '') + ++calls + '-' + nowMs() }) };
  }`;

const loader = () => createAgentLoader(() => 7);
const markOf = async ({ agents }: Awaited<ReturnType<ReturnType<typeof loader>['load']>>): Promise<string> => {
  const verdict = await agents[0]?.mail?.({} as never, '');
  return verdict?.kind === 'stamp' ? verdict.mark : 'none';
};

describe('agents of an administrator', () => {
  test('are loaded from their modules, with their settings and the clock, in plain and asynchronous ways', async () => {
    const plain = write('plain.js', counting('plain'));
    const slow = write(
      'slow.mjs',
      `export async function createAgent({ name, priority }) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      return { name, priority, disconnect() {} };
    }`,
    );
    const loaded = await loader().load([
      entryOf(plain, { settings: { word: 'hi' } }),
      entryOf(slow, { name: 'slow', priority: 3 }),
      entryOf('/nowhere.js', { name: 'off', enabled: false }),
    ]);
    expect(loaded.problems).toEqual([]);
    expect(loaded.agents.map(({ name, priority }) => `${name} ${priority}`)).toEqual(['own 100', 'slow 3']);
    expect(await markOf(loaded)).toBe('plain-hi1-7');
  });

  test('keep what they remember while nothing of them changes', async () => {
    const own = loader();
    const module = write('kept.js', counting('a'));
    const marks = [
      await markOf(await own.load([entryOf(module)])),
      await markOf(await own.load([entryOf(module), entryOf(module, { name: 'other' })])),
      await markOf(await own.load([entryOf(module, { settings: { word: 'new' } })])),
      await markOf(await own.load([entryOf(module, { settings: { word: 'new' }, priority: 5 })])),
    ];
    expect(marks).toEqual(['a-1-7', 'a-2-7', 'a-new1-7', 'a-new1-7']);
    write('kept.js', counting('b'));
    expect(await markOf(await own.load([entryOf(module)]))).toBe('b-1-7');
    await own.load([]);
    expect(await markOf(await own.load([entryOf(module)]))).toBe('b-1-7');
  });

  test('do not have their settings changed under the estate', async () => {
    const settings = { list: ['a'] };
    const module = write(
      'greedy.js',
      `export function createAgent({ name, priority, settings }) {
      settings.list.push('b');
      return { name, priority, mail: () => ({ kind: 'pass' }) };
    }`,
    );
    await loader().load([entryOf(module, { settings })]);
    expect(settings).toEqual({ list: ['a'] });
  });

  const shape = (text: string): string => `export const createAgent = ({ name, priority }) => (${text});`;
  test.each([
    ['syntax.js', 'export function {', /Unexpected token|invalid JS syntax/],
    ['throws.js', 'throw new Error("not today")', /not today/],
    ['none.js', 'export const x = 1', /it exports no function "createAgent"/],
    ['create.js', 'export function createAgent() { throw new Error("no licence") }', /no licence/],
    ['nothing.js', shape('undefined'), /createAgent returned no object/],
    ['name.js', shape('{ name: "x", priority, mail() {} }'), /returned name "x" instead of "own"/],
    ['priority.js', shape('{ name, mail() {} }'), /returned priority undefined instead of 100/],
    ['empty.js', shape('{ name, priority }'), /none of the functions connect, hello, mail/],
    ['odd.js', shape('{ name, priority, mail: true }'), /its "mail" is no function/],
    ['hangs.js', 'export const createAgent = () => new Promise(() => undefined)', /no answer within 200 ms/],
  ])('%s is a problem that names agent, file and what is wrong', async (file, text, why) => {
    const module = write(file, text);
    const good = write('good.js', counting('good'));
    const { agents, problems } = await createAgentLoader(() => 7, 200).load([
      entryOf(module),
      entryOf(good, { name: 'good' }),
    ]);
    expect(agents.map(({ name }) => name)).toEqual(['good']);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`agent "own" (${module}): `);
    expect(problems[0]).toMatch(why);
  });

  test('that cannot be loaded again stay as they were, and it is said', async () => {
    const own = loader();
    const module = write('fragile.js', counting('old'));
    await own.load([entryOf(module)]);
    write('fragile.js', 'throw new Error("half written")');
    const broken = await own.load([entryOf(module)]);
    expect(await markOf(broken)).toBe('old-1-7');
    expect(broken.problems).toEqual([`agent "own" (${module}): half written; it stays as it was loaded before`]);
    rmSync(module);
    expect((await own.load([entryOf(module)])).problems[0]).toMatch(/ENOENT.*stays as it was/);
    write('fragile.js', counting('new'));
    expect(await own.load([entryOf(module)]).then(markOf)).toBe('new-1-7');
  });

  test('asked for twice at a time are loaded one after the other', async () => {
    const own = loader();
    const module = write('twice.js', counting('t'));
    const [first, second] = await Promise.all([own.load([entryOf(module)]), own.load([entryOf(module)])]);
    expect(first?.agents[0]).toBe(second?.agents[0]);
  });
});
