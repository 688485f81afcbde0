import { Buffer } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What one side says in a dialogue, a line or a piece at a time. */
export type Dialogue = readonly Buffer[];

/**
 * One side of every dialogue in folders of `test/`. `C: ` and `S: ` begin lines of client and server, to which CRLF is
 * added; `C| ` and `S| ` bytes as they are, in a JSON string with a character a byte; other lines are not read.
 */
export function readCorpus(side: 'C' | 'S', ...folders: readonly string[]): readonly Dialogue[] {
  const dialogues = folders.flatMap((folder) => {
    const path = fileURLToPath(new URL(`../${folder}`, import.meta.url));
    return readdirSync(path)
      .filter((name) => name.endsWith('.txt'))
      .toSorted()
      .map((name) => sideOf(side, readFileSync(join(path, name), 'utf8')));
  });
  const spoken = dialogues.filter((dialogue) => dialogue.length > 0);
  if (spoken.length === 0) throw new Error(`no dialogue in ${folders.join(', ')}`);
  return spoken;
}

function sideOf(side: 'C' | 'S', text: string): Dialogue {
  return text.split('\n').flatMap((line) => {
    if (line.startsWith(`${side}: `)) return [Buffer.from(`${line.slice(3)}\r\n`)];
    if (line.startsWith(`${side}| `)) return [Buffer.from(JSON.parse(line.slice(3)) as string, 'latin1')];
    return [];
  });
}
