import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { run } from '../support/run.js';
import { smallEstate } from './estates.js';
import { createProgram, type Program, programPath } from './program.js';

const hook = `import { appendFileSync } from 'node:fs';
export async function load(url, context, next) {
  appendFileSync(process.env.USHER_MODULE_LIST, url + '\\n');
  return next(url, context);
}`;
const register = `import { register } from 'node:module'; register('./hook.mjs', import.meta.url);`;

let program: Program;
beforeAll(() => {
  program = createProgram(smallEstate);
  writeFileSync(join(program.folder, 'hook.mjs'), hook);
  writeFileSync(join(program.folder, 'register.mjs'), register);
});

/** The modules that a command loads: packages by name, our own by path. */
async function modulesOf(words: readonly string[]): Promise<ReadonlySet<string>> {
  const file = join(program.folder, `modules-${words.join('-').replaceAll(/\W/g, '-')}`);
  const args = ['--import', join(program.folder, 'register.mjs'), programPath, ...words];
  const { code, stderr } = await run(process.execPath, args, { env: { ...program.env, USHER_MODULE_LIST: file } });
  if (code !== 0) throw new Error(`usher ${words.join(' ')} exited ${String(code)}: ${stderr}`);
  const urls = readFileSync(file, 'utf8').trimEnd().split('\n');
  return new Set(
    urls.map((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? /dist\/(.*)$/.exec(url)?.[1] ?? url),
  );
}

/** Packages that make a command start late, and who may load them. */
const heavy = [
  'inquirer',
  'yaml',
  'zod',
  'chalk',
  'pino',
  'smtp-server',
  'http-proxy',
  'selfsigned',
  'ldapts',
  'mailauth',
];

describe.concurrent('a short command loads no heavy package', () => {
  test.each([
    ['src/store/store.js', 'site', 'list', '--json'],
    ['src/store/store.js', 'mailbox', 'list'],
    ['src/store/store.js', 'server', 'show', 'MBX1', '--json'],
    ['src/admin/history.js', 'history'],
    ['src/routing/route-mail.js', 'test', 'routing', 'mail', '--to', 'ann@contoso.com'],
    ['src/routing/route-client.js', 'test', 'routing', 'client', '--protocol', 'imap', '--user', 'ann@contoso.com'],
    ['src/control/client.js', 'stop'],
  ])('only %s and the like: %s %s', async (needed, ...words) => {
    const modules = await modulesOf(words);
    expect(modules).toContain(needed);
    expect(heavy.filter((name) => modules.has(name))).toStrictEqual([]);
  });

  test('apply loads what it needs, which shows that the list above is seen', async () => {
    const file = join(program.folder, 'estate.yaml');
    writeFileSync(file, 'estate: 1');
    const modules = await modulesOf(['apply', '-f', file]);
    expect(['yaml', 'zod'].filter((name) => modules.has(name))).toStrictEqual(['yaml', 'zod']);
  });

  test('list loads few modules of ours', async () => {
    const ours = [...(await modulesOf(['site', 'list']))].filter((name) => name.startsWith('src/'));
    expect(ours.length).toBeGreaterThan(10);
    expect(ours.length).toBeLessThan(45);
    expect(ours.filter((name) => /src\/(estate|runtime|session|net|control)\//.test(name))).toStrictEqual([]);
  });
});
