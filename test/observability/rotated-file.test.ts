import { Buffer } from 'node:buffer';
import { mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { LogFile } from '../../src/observability/log-file.js';
import { openRotatedFile, type RotatedFile, type RotatedFileOptions } from '../../src/observability/rotated-file.js';
import { contentsOf, logOptions, temporaryFolder } from './log-folder.js';

const dayMs = 86_400_000;

function openIn(folder: string, options: Omit<RotatedFileOptions, 'folder' | 'prefix' | 'suffix'>): RotatedFile {
  const file = openRotatedFile({ folder, prefix: 'RECV', suffix: '.log', ...options });
  onTestFinished(() => file.close());
  return file;
}

describe('a log', () => {
  it('writes lines in their order within moments, below a header, for its owner and group only', async () => {
    const folder = join(temporaryFolder(), 'deep', 'log');
    const { options } = logOptions();
    const file = openIn(folder, { ...options, header: (atMs) => `#${new Date(atMs).toISOString()}\n` });
    file.write('one');
    file.write('two Grüße');
    await vi.waitFor(() => {
      expect(contentsOf(folder)).toEqual({
        'RECV20261122-1.log': '#2026-11-22T10:00:00.000Z\none\ntwo Grüße\n',
      });
    });
    expect(statSync(join(folder, 'RECV20261122-1.log')).mode & 0o777 & ~0o640).toBe(0);
    expect(statSync(folder).mode & 0o777 & ~0o750).toBe(0);
  });

  it('writes at once what fills a chunk, without a pause for the clock', async () => {
    const folder = temporaryFolder();
    const file = openIn(folder, logOptions().options);
    for (let n = 0; n < 2000; n += 1) file.write(`${n}`.padEnd(99, '.'));
    await file.flush();
    const lines = contentsOf(folder)['RECV20261122-1.log']?.split('\n') ?? [];
    expect(lines.map((line) => Number.parseInt(line, 10)).slice(0, -1)).toEqual([...Array(2000).keys()]);
  });

  it('begins a file when the next lines would make it too large', async () => {
    const folder = temporaryFolder();
    const file = openIn(folder, { ...logOptions().options, fileBytesMax: 1000, header: () => '#head\n' });
    for (let n = 0; n < 30; n += 1) {
      file.write('x'.repeat(99));
      await file.flush();
    }
    const contents = contentsOf(folder);
    expect(Object.keys(contents)).toEqual([1, 2, 3, 4].map((n) => `RECV20261122-${n}.log`));
    for (const text of Object.values(contents)) {
      expect(text.length).toBeLessThanOrEqual(1000);
      expect(text.startsWith('#head\nx')).toBe(true);
    }
  });

  it('puts each line into the file of its day, also when it is written after midnight', async () => {
    const folder = temporaryFolder();
    const { clock, options } = logOptions('2026-11-22T23:59:59.999Z');
    const file = openIn(folder, options);
    file.write('yesterday');
    clock.nowMs += 1;
    file.write('today');
    await file.flush();
    expect(contentsOf(folder)).toEqual({ 'RECV20261122-1.log': 'yesterday\n', 'RECV20261123-1.log': 'today\n' });
  });

  it('goes on with the newest file of the day after a restart, and ends a line that a crash broke', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'RECV20261121-7.log'), 'older day\n');
    writeFileSync(join(folder, 'RECV20261122-2.log'), 'first\n');
    writeFileSync(join(folder, 'RECV20261122-10.log'), 'head\nbrok');
    const file = openIn(folder, { ...logOptions().options, header: () => 'head\n' });
    file.write('next');
    await file.flush();
    expect(contentsOf(folder)).toMatchObject({
      'RECV20261122-2.log': 'first\n',
      'RECV20261122-10.log': 'head\nbrok\nnext\n',
    });
    expect(Object.keys(contentsOf(folder))).toHaveLength(3);
  });

  it('does not follow a link in the place of its file', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'victim'), 'precious');
    symlinkSync(join(folder, 'victim'), join(folder, 'RECV20261122-1.log'));
    const file = openIn(folder, logOptions().options);
    file.write('line');
    await file.flush();
    expect(contentsOf(folder)).toMatchObject({ victim: 'precious', 'RECV20261122-2.log': 'line\n' });
  });

  it('lets several writers share a folder', async () => {
    const folder = temporaryFolder();
    const { options, troubles } = logOptions();
    const files = [1, 2, 3].map(() => openIn(folder, { ...options, fileBytesMax: 4000 }));
    for (let n = 0; n < 100; n += 1) {
      for (const [writer, file] of files.entries()) file.write(`${writer} ${n}`.padEnd(49, '.'));
      if (n % 10 === 0) await Promise.all(files.map((file) => file.flush()));
    }
    await Promise.all(files.map((file) => file.flush()));
    const lines = Object.values(contentsOf(folder)).flatMap((text) => text.split('\n').slice(0, -1));
    expect(lines).toHaveLength(300);
    expect(new Set(lines).size).toBe(300);
    expect(lines.every((line) => line.length === 49)).toBe(true);
    expect(troubles).toEqual([]);
  });

  it('notices that its file was moved away or deleted', async () => {
    const folder = temporaryFolder();
    const { clock, options } = logOptions();
    const file = openIn(folder, options);
    file.write('one');
    await file.flush();
    renameSync(join(folder, 'RECV20261122-1.log'), join(folder, 'kept'));
    clock.nowMs += 1000;
    file.write('two');
    await file.flush();
    expect(contentsOf(folder)).toEqual({ kept: 'one\n', 'RECV20261122-1.log': 'two\n' });
    rmSync(folder, { recursive: true });
    clock.nowMs += 1000;
    file.write('three');
    await file.flush();
    expect(contentsOf(folder)).toEqual({ 'RECV20261122-1.log': 'three\n' });
  });

  it('keeps every line once and in order, whatever the sizes, flushes and days', async () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ size: fc.nat(120) }) },
      { weight: 2, arbitrary: fc.constant('flush' as const) },
      { weight: 1, arbitrary: fc.record({ laterMs: fc.nat(dayMs) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const folder = temporaryFolder();
        const { clock, options } = logOptions();
        const file = openRotatedFile({ ...options, folder, prefix: 'T', suffix: '.jsonl', fileBytesMax: 300 });
        const written: string[] = [];
        for (const [number, one] of steps.entries()) {
          if (one === 'flush') await file.flush();
          else if ('laterMs' in one) clock.nowMs += one.laterMs;
          else {
            written.push(`${number}:${'x'.repeat(one.size)}`);
            file.write(written.at(-1) ?? '');
          }
        }
        await file.close();
        const files = Object.entries(contentsOf(folder)).sort(([one], [other]) =>
          one.localeCompare(other, 'en', { numeric: true }),
        );
        expect(files.flatMap(([, text]) => text.split('\n').slice(0, -1))).toEqual(written);
      }),
      { numRuns: 30 },
    );
  });
});

describe('old files', () => {
  it('go when they are too old, and nothing else goes', async () => {
    const folder = temporaryFolder();
    const others = ['RECV20200101-1.jsonl', 'SEND20200101-1.log', 'RECV20200101-1.log.gz', 'RECV20209901-1.log', 'x'];
    for (const name of others) writeFileSync(join(folder, name), '');
    mkdirSync(join(folder, 'RECV20200102-1.log'));
    rmSync(join(folder, 'x'));
    writeFileSync(join(folder, 'RECV20261022-1.log'), 'day 31');
    writeFileSync(join(folder, 'RECV20261023-1.log'), 'day 30');
    const file = openIn(folder, { ...logOptions().options, ageMaxMs: 30 * dayMs });
    file.write('now');
    await file.flush();
    const left = statSync(join(folder, 'RECV20200102-1.log')).isDirectory();
    expect(left).toBe(true);
    rmSync(join(folder, 'RECV20200102-1.log'), { recursive: true });
    expect(Object.keys(contentsOf(folder))).toEqual(
      [...others.slice(0, 4), 'RECV20261023-1.log', 'RECV20261122-1.log'].sort(),
    );
  });

  it('go oldest first when the folder would grow too large', async () => {
    const folder = temporaryFolder();
    for (const name of ['RECV20261120-1', 'RECV20261121-2', 'RECV20261121-10']) {
      writeFileSync(join(folder, `${name}.log`), 'x'.repeat(1000));
    }
    const file = openIn(folder, { ...logOptions().options, fileBytesMax: 1000, folderBytesMax: 3500 });
    file.write('now');
    await file.flush();
    expect(Object.keys(contentsOf(folder))).toEqual([
      'RECV20261121-10.log',
      'RECV20261121-2.log',
      'RECV20261122-1.log',
    ]);
    for (let n = 0; n < 60; n += 1) {
      file.write('y'.repeat(99));
      await file.flush();
      const bytes = Object.values(contentsOf(folder)).join('').length;
      expect(bytes).toBeLessThanOrEqual(3500);
    }
  });
});

describe('trouble with the disk', () => {
  it('is told once, never reaches the writer, and costs no line when it ends', async () => {
    const parent = temporaryFolder();
    const folder = join(parent, 'log');
    writeFileSync(folder, 'a file, not a folder');
    const { options, troubles } = logOptions();
    const file = openIn(folder, { ...options, retryAfterMs: 20 });
    file.write('one');
    await file.flush();
    file.write('two');
    await wait(100);
    await file.flush();
    expect(troubles).toEqual([{ kind: 'unwritable', folder, reason: expect.stringContaining('EEXIST') }]);
    rmSync(folder);
    file.write('three');
    await vi.waitFor(() => expect(contentsOf(folder)).toEqual({ 'RECV20261122-1.log': 'one\ntwo\nthree\n' }));
    file.write('four');
    await vi.waitFor(() => expect(contentsOf(folder)).toEqual({ 'RECV20261122-1.log': 'one\ntwo\nthree\nfour\n' }));
    expect(troubles).toHaveLength(1);
  });

  it('drops what finds no room in memory, and says in its place how much', async () => {
    const parent = temporaryFolder();
    const folder = join(parent, 'log');
    writeFileSync(folder, '');
    const { options, troubles } = logOptions();
    const lossLine = (lines: number) => `lost ${lines}`;
    const file = openIn(folder, { ...options, retryAfterMs: 60_000, heldBytesMax: 1000, lossLine });
    await file.flush();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 200_000; n += 1) file.write(`${n}`.padEnd(99, '.'));
    await file.flush();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000);
    expect(troubles).toEqual([{ kind: 'unwritable', folder, reason: expect.any(String) }]);
    rmSync(folder);
    await file.flush();
    file.write('after');
    await file.flush();
    const lines = contentsOf(folder)['RECV20261122-1.log']?.split('\n') ?? [];
    expect(lines.map((line) => line.replace(/\.+$/, ''))).toEqual([
      ...[...Array(10).keys()].map(String),
      'lost 199990',
      'after',
      '',
    ]);
    expect(troubles[1]).toEqual({ kind: 'lost', folder, lines: 199_990 });
  });

  it('is told at the end with the lines that were left, and with the first that comes too late', async () => {
    const folder = join(temporaryFolder(), 'log');
    writeFileSync(folder, '');
    const { options, troubles } = logOptions();
    const file = openIn(folder, options);
    file.write('one');
    file.write('two');
    await file.close();
    file.write('late');
    file.write('later');
    await file.close();
    expect(troubles.slice(1)).toEqual([
      { kind: 'lost', folder, lines: 2 },
      { kind: 'lost', folder, lines: 1 },
    ]);
  });

  it('on a full disk keeps whole lines apart from what must be written again', async () => {
    const path = join(temporaryFolder(), 'RECV20261122-1.log');
    const handle = await open(path, 'a+');
    let roomBytes = 25;
    const smallDisk: Pick<FileHandle, 'write' | 'close'> = {
      write: (async (bytes: Buffer, offset: number, length: number) => {
        if (roomBytes === 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        const count = Math.min(length, roomBytes);
        roomBytes -= count;
        return handle.write(bytes, offset, count, null);
      }) as FileHandle['write'],
      close: () => handle.close(),
    };
    const { ino: inode } = await stat(path);
    const found = { inode, sizeBytes: 0, lead: Buffer.from('#head\n') };
    const file = new LogFile(path, 0, smallDisk as FileHandle, found);
    const lines = Buffer.from('line 1\nline 2\nline 3\nline 4\n');
    const outcome = await file.append(lines);
    expect(outcome).toMatchObject({ kind: 'failed', writtenBytes: 14 });
    await file.close();
    expect(contentsOf(join(path, '..'))).toEqual({ 'RECV20261122-1.log': '#head\nline 1\nline 2\nline ' });
  });
});
