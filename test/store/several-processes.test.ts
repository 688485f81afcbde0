import { spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { catalogue } from '../../src/topology/catalogue/catalogue.js';
import { compileSources } from '../support/compiled-sources.js';
import { isRoot, nobody } from '../support/peers/nobody.js';
import { scratchStore, storePath } from '../support/scratch-store.js';

/** A program that waits for a word, then does its changes; what became of them it prints as JSON. */
const program = `
import { readSync } from 'node:fs';
import { openStore } from './dist/src/store/store.js';
import { catalogue } from './dist/src/topology/catalogue/catalogue.js';
const [path, label, count, holdMs] = process.argv.slice(2);
process.stdout.write('ready\\n');
readSync(0, Buffer.alloc(1));
const meta = { actor: label, command: 'test', message: null };
const answer = { revisions: [], began: Date.now() };
try {
  const store = openStore(path, { purpose: 'write' });
  for (let index = 0; index < Number(count); index++) {
    const { revision } = store.change(meta, {}, (transaction) => {
      transaction.write(catalogue.site, { name: label + index, hub: false, acceptInbound: true, services: {} });
      if (holdMs !== '0') process.stdout.write('holding\\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(holdMs));
    });
    answer.revisions.push(revision);
  }
  store.close();
} catch (error) {
  answer.refused = { code: error.code, kind: error.kind, exitCode: error.exitCode, message: error.message };
}
answer.ended = Date.now();
process.stdout.write(JSON.stringify(answer) + '\\n');
`;

interface Answer {
  readonly revisions: number[];
  readonly began: number;
  readonly ended: number;
  readonly refused?: {
    readonly code: string;
    readonly kind: string;
    readonly exitCode: number;
    readonly message: string;
  };
}

interface Writer {
  /** Resolves when it has printed that word. */
  said(word: string): Promise<void>;
  go(): void;
  kill(): void;
  readonly answer: Promise<Answer>;
}

let folder: string;
beforeAll(async () => {
  folder = await compileSources('src/store/store.ts', 'src/topology/catalogue/catalogue.ts');
  writeFileSync(join(folder, 'writer.mjs'), program);
});

function startWriter(
  path: string,
  label: string,
  options: { count?: number; holdMs?: number; user?: typeof nobody } = {},
): Writer {
  const { count = 1, holdMs = 0, user } = options;
  const child = spawn(process.execPath, [join(folder, 'writer.mjs'), path, label, String(count), String(holdMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 30_000,
    ...(user && { uid: user.uid, gid: user.gid }),
  });
  let output = '';
  const listeners = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    for (const listener of listeners) listener();
  });
  const said = (word: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (output.includes(`${word}\n`)) resolve();
      };
      listeners.add(look);
      child.once('close', () => reject(new Error(`writer ${label} ended without "${word}": ${output}`)));
      look();
    });
  const answer = new Promise<Answer>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      const line = output.split('\n').find((text) => text.startsWith('{'));
      if (line === undefined) reject(new Error(`writer ${label} gave no answer: ${output}`));
      else resolve(JSON.parse(line) as Answer);
    });
  });
  return { said, answer, go: () => child.stdin.end('x'), kill: () => void child.kill('SIGKILL') };
}

describe('several processes', () => {
  test('that make one new store and write at once: none is lost, every change is a revision of its own', async () => {
    const path = storePath();
    const writers = ['A', 'B', 'C', 'D'].map((label) => startWriter(path, label, { count: 15 }));
    await Promise.all(writers.map((writer) => writer.said('ready')));
    for (const writer of writers) writer.go();
    const answers = await Promise.all(writers.map((writer) => writer.answer));
    expect(answers.map(({ refused }) => refused)).toEqual([undefined, undefined, undefined, undefined]);
    const revisions = answers.flatMap((answer) => answer.revisions).sort((a, b) => a - b);
    expect(revisions).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    const store = scratchStore(path, { purpose: 'read' });
    expect(store.list(catalogue.site)).toHaveLength(60);
    expect(new Set(store.history().map(({ actor }) => actor))).toEqual(new Set(['A', 'B', 'C', 'D']));
  });

  test('of which one holds the store: the other waits, then writes', async () => {
    const path = storePath();
    scratchStore(path).close();
    const first = startWriter(path, 'A', { holdMs: 700 });
    const second = startWriter(path, 'B');
    await Promise.all([first.said('ready'), second.said('ready')]);
    first.go();
    await first.said('holding');
    second.go();
    const [a, b] = await Promise.all([first.answer, second.answer]);
    expect([a.revisions, b.revisions]).toEqual([[1], [2]]);
    expect(b.ended - b.began).toBeGreaterThan(300);
  });

  test('of which one is killed in the middle of a change: nothing of it is there, and the next writes', async () => {
    const path = storePath();
    const store = scratchStore(path);
    const killed = startWriter(path, 'A', { holdMs: 25_000 });
    killed.answer.catch(() => 'killed before it could answer');
    await killed.said('ready');
    killed.go();
    await killed.said('holding');
    const held = startWriter(path, 'B');
    await held.said('ready');
    killed.kill();
    held.go();
    expect((await held.answer).revisions).toEqual([1]);
    expect(store.list(catalogue.site).map(({ name }) => name)).toEqual(['B0']);
  });
});

describe('a user without the right', () => {
  const asNobody = isRoot() ? { user: nobody } : {};
  const refusedFor = async (path: string) => {
    const writer = startWriter(path, 'N', asNobody);
    await writer.said('ready');
    writer.go();
    return (await writer.answer).refused;
  };

  test('to write the file is told so', async () => {
    const path = storePath();
    scratchStore(path).close();
    chmodSync(path, 0o444);
    chmodSync(dirname(path), 0o555);
    const refused = await refusedFor(path);
    expect(refused).toMatchObject({
      kind: 'store',
      exitCode: 5,
      code: expect.stringMatching(/^store-(read-only|unusable)$/),
    });
    expect(refused?.message).toContain(path);
  });

  test('to write its folder is told so', async () => {
    const path = storePath();
    chmodSync(dirname(path), 0o555);
    expect(await refusedFor(join(dirname(path), 'new', 'usher.db'))).toMatchObject({
      kind: 'store',
      exitCode: 5,
      code: 'store-unusable',
    });
    expect(await refusedFor(path)).toMatchObject({ kind: 'store', exitCode: 5, code: 'store-unusable' });
  });

  test('to look into its folder is told so', async () => {
    const path = storePath();
    scratchStore(path).close();
    chmodSync(dirname(path), 0o000);
    expect(await refusedFor(path)).toMatchObject({ kind: 'store', exitCode: 5, code: 'store-unusable' });
    chmodSync(dirname(path), 0o700);
  });
});
