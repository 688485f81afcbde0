/* oxlint-disable vitest/expect-expect -- the transcripts assert, in play-transcript */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { popProtocol } from '../../../src/protocols/pop/pop-protocol.js';
import type { ClientDialogueOptions, ServerDialogueOptions } from '../../../src/protocols/sasl/login-protocol.js';
import { playClientAtEveryCut, playServerAtEveryCut } from '../sasl/play-transcript.js';
import { doorDefaults, serverDefaults } from './dialogue-options.js';

// A file begins with `door` or `server` and the options that are not the usual ones, as JSON; `#` begins a comment, and
// a line that ends in a space is written as a JSON string behind `C| ` or `S| `.
const folder = new URL('transcripts/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));

describe('transcripts, their input cut at every place', () => {
  it.each(names)('%s', (name) => {
    const { subject, options, entries } = read(name);
    if (subject === 'door') {
      const all = { ...doorDefaults, ...(options as Partial<ClientDialogueOptions>) };
      playClientAtEveryCut(() => popProtocol.createClientDialogue(all), entries);
    } else {
      const all = { ...serverDefaults, ...(options as Partial<ServerDialogueOptions>) };
      playServerAtEveryCut(() => popProtocol.createServerDialogue(all), entries);
    }
  });

  it('are of both sides', () => {
    expect(new Set(names.map((name) => read(name).subject))).toEqual(new Set(['door', 'server']));
  });
});

function read(name: string) {
  const lines = readFileSync(new URL(name, folder), 'utf8').split('\n');
  const [heading = '', ...entries] = lines.filter((line) => line !== '' && !line.startsWith('#'));
  const [, subject, options] = /^(door|server)(?: (\{.*\}))?$/.exec(heading) ?? [];
  if (subject === undefined) throw new Error(`${name} begins with neither door nor server`);
  return { subject, options: JSON.parse(options ?? '{}') as unknown, entries: entries.map(unescaped) };
}

function unescaped(line: string): string {
  return /^[CS]\| /.test(line) ? `${line[0]}: ${String(JSON.parse(line.slice(3))).replace(/\r\n$/, '')}` : line;
}
