import { readFileSync, readSync } from 'node:fs';
import { reasonOf, systemCodeOf, UsherError } from '../errors.js';

/** The whole of a file, or of standard input for `-`, and what errors call it. */
export function readInput(file: string): { text: string; fileName: string } {
  const fileName = file === '-' ? '<stdin>' : file;
  try {
    return { text: file === '-' ? readDescriptor() : readFileSync(file, 'utf8'), fileName };
  } catch (error) {
    const words: Record<string, string> = {
      ENOENT: 'is not there',
      EISDIR: 'is a directory',
      EACCES: 'may not be read',
    };
    const reason = words[systemCodeOf(error) ?? ''] ?? reasonOf(error);
    throw new UsherError('usage', 'no-file', `the file ${fileName} ${reason}`);
  }
}

/** Standard input to its end; a pipe that has nothing yet answers EAGAIN, and is asked again. */
function readDescriptor(): string {
  const chunks: Buffer[] = [];
  const chunk = Buffer.alloc(65_536);
  for (;;) {
    try {
      const length = readSync(0, chunk, 0, chunk.length, null);
      if (length === 0) return Buffer.concat(chunks).toString('utf8');
      chunks.push(Buffer.from(chunk.subarray(0, length)));
    } catch (error) {
      if (systemCodeOf(error) === 'EOF') return Buffer.concat(chunks).toString('utf8');
      if (systemCodeOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}
