import { Buffer } from 'node:buffer';
import { createReadStream } from 'node:fs';

export interface FileLines {
  readonly lines: readonly string[];
  /** `unended`: one line without its line feed, the last of the file. */
  readonly kind: 'whole' | 'unended';
}

const readBytes = 256 * 1024;
const lineFeed = 0x0a;
const nothing = Buffer.alloc(0);

/**
 * The lines of a file as UTF-8 without their line feeds, as many at a time as were read. One that is longer than
 * `lineBytesMax` comes as an empty line. Throws what the file system throws.
 */
export async function* linesOfFile(path: string, lineBytesMax: number): AsyncGenerator<FileLines, void, undefined> {
  let rest: Buffer = nothing;
  let restIs: 'kept' | 'too-long' = 'kept';
  for await (const chunk of createReadStream(path, { highWaterMark: readBytes }) as AsyncIterable<Buffer>) {
    const end = chunk.lastIndexOf(lineFeed);
    if (end === -1) {
      if (restIs === 'kept') rest = Buffer.concat([rest, chunk]);
    } else {
      const whole = chunk.subarray(0, end);
      const lines = restIs === 'kept' ? splitLines(Buffer.concat([rest, whole])) : ['', ...splitLines(whole).slice(1)];
      yield { kind: 'whole', lines };
      rest = chunk.subarray(end + 1);
      restIs = 'kept';
    }
    if (rest.length > lineBytesMax) {
      rest = nothing;
      restIs = 'too-long';
    }
  }
  if (rest.length > 0) yield { kind: 'unended', lines: [rest.toString()] };
}

function splitLines(bytes: Buffer): string[] {
  return bytes.toString().split('\n');
}
