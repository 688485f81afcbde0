import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { ByteQueue } from '../../../src/demo/servers/byte-queue.js';

test('any chunking gives the same lines and blocks', () => {
  const line = fc.string({ maxLength: 40 }).map((text) => text.replace(/[\r\n]/g, '.'));
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 1 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
      (lines, cuts) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\r\n${text.length % 7}abcdefg`.slice(0)).join(''));
        const queue = new ByteQueue();
        const taken: string[] = [];
        let wantsBlock = false;
        for (let at = 0, index = 0; at < bytes.length; index += 1) {
          const size = cuts[index % cuts.length] ?? 1;
          queue.push(bytes.subarray(at, at + size));
          at += size;
          for (;;) {
            const block = wantsBlock ? queue.takeBytes(8) : undefined;
            const next = wantsBlock ? undefined : queue.takeLine(1000);
            if (!block && !next) break;
            if (block) taken.push(block.toString());
            else if (next?.kind === 'line') taken.push(next.bytes.toString());
            wantsBlock = !wantsBlock;
          }
        }
        expect(taken).toEqual(lines.flatMap((text) => [text, `${text.length % 7}abcdefg`]));
      },
    ),
    { numRuns: 200 },
  );
});

test('a line over the limit is refused, complete or not', () => {
  const complete = new ByteQueue();
  complete.push(Buffer.from(`${'x'.repeat(11)}\n`));
  expect(complete.takeLine(10)?.kind).toBe('too-long');
  const incomplete = new ByteQueue();
  incomplete.push(Buffer.from('x'.repeat(12)));
  expect(incomplete.takeLine(10)?.kind).toBe('too-long');
  const fitting = new ByteQueue();
  fitting.push(Buffer.from(`${'x'.repeat(10)}\r\n`));
  expect(fitting.takeLine(10)).toEqual({ kind: 'line', bytes: Buffer.from('x'.repeat(10)) });
});
