import { Buffer } from 'node:buffer';
import type { Dialogue } from './corpus.js';
import type { Random } from './random.js';

/** What a grammar of lines trips over, if anything. */
const generalWords: readonly string[] = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\r\n.\r\n',
  '\n.\n',
  '"',
  '\\',
  '(',
  ')',
  '{',
  '{5}\r\n',
  '{0+}\r\n',
  '{4294967296}\r\n',
  '=\r\n',
  '*\r\n',
  '=',
  '+',
  '-1',
  '99999999999999999999',
  'AGFubgBzZWNyZXQ=',
  '\ud83d\ude00',
  '\u0130\u212a\u00df',
  'x'.repeat(600),
  '('.repeat(1000),
  '"a" '.repeat(500),
  'x'.repeat(70_000),
];

const chunksMax = 400;

/**
 * The dialogue as it was up to some place and different from there on, so that whatever state the beginning leads to
 * meets every kind of nonsense; cut into chunks anywhere.
 */
export function mutate(dialogues: readonly Dialogue[], words: readonly string[], random: Random): Buffer[] {
  const dialogue = random.pick(dialogues);
  const kept = random.int(dialogue.length + 1);
  const before = dialogue.slice(0, kept);
  let after = Buffer.concat(random.oneIn(4) ? random.pick(dialogues) : dialogue.slice(kept));
  for (let count = random.int(5); count > 0; count--) after = mutateOnce(after, [...generalWords, ...words], random);
  const bytes = cut(after, random);
  return random.oneIn(2) ? [...before, ...bytes] : [Buffer.concat(before), ...bytes];
}

function mutateOnce(bytes: Buffer, words: readonly string[], random: Random): Buffer<ArrayBuffer> {
  const from = random.int(bytes.length + 1);
  const to = Math.min(bytes.length, from + random.int(random.oneIn(3) ? 200 : 8));
  const [head, middle, tail] = [bytes.subarray(0, from), bytes.subarray(from, to), bytes.subarray(to)];
  switch (random.int(7)) {
    case 0:
      return Buffer.concat([head, tail]);
    case 1:
      return Buffer.concat([head, middle, middle, tail]);
    case 2:
      return Buffer.concat([head, random.bytes(random.int(20)), tail]);
    case 3:
      return Buffer.concat([head, ...Array.from({ length: random.int(40) }, () => middle), tail]);
    case 4:
      return Buffer.concat([tail, head]);
    default:
      return Buffer.concat([head, Buffer.from(random.pick(words)), random.oneIn(2) ? middle : Buffer.alloc(0), tail]);
  }
}

function cut(bytes: Buffer, random: Random): Buffer[] {
  const sizeMax = random.pick([1, 3, 40, 2000, bytes.length + 1]);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = chunks.length === chunksMax ? bytes.length : at + 1 + random.int(sizeMax);
    chunks.push(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  return chunks;
}
