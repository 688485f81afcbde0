import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { reasonOf, systemCodeOf, UsherError } from '../errors.js';

const pieceLength = 256 * 1024;

/**
 * The text of a file, or of standard input for `-`, piece by piece; what is not UTF-8 comes as U+FFFD.
 * @throws UsherError `usage` where it cannot be read
 */
export function* readPieces(file: string): Generator<string> {
  const descriptor = file === '-' ? 0 : refusing(file, () => openSync(file, 'r'));
  try {
    const buffer = Buffer.alloc(pieceLength);
    const decoder = new StringDecoder('utf8');
    for (;;) {
      const length = refusing(file, () => readSome(descriptor, buffer));
      if (length === 0) break;
      yield decoder.write(buffer.subarray(0, length));
    }
    yield decoder.end();
  } finally {
    if (descriptor !== 0) closeSync(descriptor);
  }
}

/** What errors call the file. */
export const pieceSource = (file: string): string => (file === '-' ? '<stdin>' : file);

function refusing<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const words: Record<string, string> = {
      ENOENT: 'is not there',
      EISDIR: 'is a directory',
      EACCES: 'may not be read',
    };
    const reason = words[systemCodeOf(error) ?? ''] ?? reasonOf(error);
    throw new UsherError('usage', 'no-file', `the file ${pieceSource(file)} ${reason}`);
  }
}

/** A pipe that has nothing yet answers EAGAIN, and is asked again. */
function readSome(descriptor: number, buffer: Buffer): number {
  for (;;) {
    try {
      return readSync(descriptor, buffer, 0, buffer.length, null);
    } catch (error) {
      if (systemCodeOf(error) === 'EOF') return 0;
      if (systemCodeOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}
