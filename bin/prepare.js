#!/usr/bin/env node
// Installs and builds what is missing, then runs one of the project's tasks. Needs nothing but Node and npm.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const inRoot = (...parts) => join(root, ...parts);

/** Runs a program in the project's folder; ends this one when it fails. */
function run(program, args, options = {}) {
  const { status, error, signal } = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? (signal ? 1 : 0));
}

/** Output of preparing goes to standard error, so that standard output is the task's alone. */
const aside = { stdio: ['ignore', process.stderr, process.stderr] };

function refuseOldNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  process.stderr.write(`usher needs Node 20.19 or newer; this is ${process.versions.node}\n`);
  process.exit(1);
}

/** Installs the exact packages of the lock file, once for each state of it. */
function install() {
  const stamp = inRoot('node_modules', '.usher-installed');
  const wanted = createHash('sha256')
    .update(readFileSync(inRoot('package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  process.stderr.write('installing packages (better-sqlite3 may compile for two minutes) ...\n');
  // Not `npm ci`: it refuses a lock file without the optional packages of other platforms.
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    ...aside,
    shell: process.platform === 'win32',
  });
  writeFileSync(stamp, wanted);
}

/** The newest change below folders or files, in milliseconds. */
function newest(paths) {
  return Math.max(
    0,
    ...paths.map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (!stat) return 0;
      if (!stat.isDirectory()) return stat.mtimeMs;
      return Math.max(stat.mtimeMs, newest(readdirSync(path).map((name) => join(path, name))));
    }),
  );
}

/** Compiles and writes the list of commands, when a source is newer than the last build. */
function build() {
  const stamp = inRoot('dist', '.built');
  const sources = [
    'src',
    'commands',
    'tsconfig.json',
    'package.json',
    'package-lock.json',
    join('bin', 'write-manifest.js'),
  ];
  const builtAt = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (builtAt > newest(sources.map((path) => inRoot(path)))) return;
  rmSync(inRoot('dist'), { recursive: true, force: true });
  run(process.execPath, [inRoot('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json'], aside);
  run(process.execPath, [inRoot('bin', 'write-manifest.js')], aside);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, '');
}

const binary = (name) => inRoot('node_modules', '.bin', name);

/** Runs the tests; the last line is the count, from the runner's own result. */
function test(args) {
  const folder = mkdtempSync(join(tmpdir(), 'usher-test-'));
  const file = join(folder, 'result.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const { status } = spawnSync(binary('vitest'), ['run', ...reporters, ...args], { cwd: root, stdio: 'inherit' });
  const result = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  rmSync(folder, { recursive: true, force: true });
  if (!result) {
    process.stderr.write('the test runner left no result\n');
    process.exit(status || 1);
  }
  const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numTodoTests: todo } = result;
  const left = skipped + todo;
  process.stdout.write(`${passed} passed, ${failed} failed${left > 0 ? `, ${left} skipped` : ''}\n`);
  process.exit(status || (passed > 0 ? 0 : 1));
}

const fuzzUsage = 'usage: npm run fuzz -- [imap|pop|smtp|http|sip|proxy] [--seconds N] [--seed N] [--runs N]';

/** Feeds mutated dialogues to everything that reads what strangers send, 60 seconds long unless told otherwise. */
function fuzz(args) {
  const number = (text, initial) => {
    const value = text === undefined ? initial : Number(text);
    if (value === null || (Number.isInteger(value) && value >= 0)) return value;
    throw new Error(`"${text}" is no number`);
  };
  let wish;
  try {
    const text = { type: 'string' };
    const options = { seconds: text, seed: text, runs: text };
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [group = null, ...more] = positionals;
    if (more.length > 0 || (group !== null && !['imap', 'pop', 'smtp', 'http', 'sip', 'proxy'].includes(group))) {
      throw new Error(`unknown: ${positionals.join(' ')}`);
    }
    const seed = number(values.seed, Date.now() % 2 ** 31);
    wish = { group, seed, seconds: number(values.seconds, 60), runs: number(values.runs, null) };
  } catch (error) {
    process.stderr.write(`${error.message}\n${fuzzUsage}\n`);
    process.exit(2);
  }
  const env = { ...process.env, USHER_FUZZ: JSON.stringify(wish) };
  run(binary('vitest'), ['run', 'test/fuzz/fuzz.test.ts'], { env });
}

/** Runs a program that goes on until it is told to stop: signals are passed on, its end is ours. */
function follow(program, args) {
  const child = spawn(program, args, { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code) => process.exit(code ?? 1));
}

const tasks = {
  build: () => undefined,
  demo: (args) => follow(process.execPath, [inRoot('bin', 'run.js'), 'demo', ...args]),
  test,
  fuzz,
  bench: (args) => run(process.execPath, [inRoot('test', 'bench', 'run.mjs'), ...args]),
  check(args) {
    run(binary('biome'), ['ci', '.']);
    run(binary('oxlint'), ['--type-aware', '--deny-warnings', 'src', 'commands', 'test']);
    run(binary('knip'), []);
    run(binary('tsc'), ['--noEmit', '-p', 'test/tsconfig.json']);
    test(args);
  },
};

const [task = '', ...args] = process.argv.slice(2);
if (!Object.hasOwn(tasks, task)) {
  process.stderr.write(`usage: node bin/prepare.js ${Object.keys(tasks).join('|')} [ARGUMENT...]\n`);
  process.exit(2);
}
refuseOldNode();
install();
build();
tasks[task](args);
