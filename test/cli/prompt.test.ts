import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { findProgram } from '../support/find-program.js';
import { until } from '../support/until.js';
import { createProgram, type Program, programPath } from './program.js';

const script = findProgram('script');

/** Runs `usher init` on a terminal and types each answer when its question stands there. */
async function answerInit(
  program: Program,
  dialogue: ReadonlyArray<readonly [question: RegExp, typed: string]>,
): Promise<string> {
  const command = `"${process.execPath}" "${programPath}" init; echo "exit $?"`;
  const env = { ...process.env, ...program.env, CI: '', NO_COLOR: '1' };
  const child = spawn(script ?? '', ['-qec', command, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
  for (const [question, typed] of dialogue) {
    await until(`the question ${question.source}`, () => question.test(shown));
    child.stdin.write(typed);
  }
  await exit;
  return shown;
}

describe.skipIf(script === undefined)(
  'init on a terminal (skipped where script of util-linux is not installed)',
  () => {
    test('asks for what was not said, and Enter takes what is offered', async () => {
      const program = createProgram();
      const shown = await answerInit(program, [
        [/name of the site/, 'Berlin\r'],
        [/name of this front end/, 'FE7\r'],
        [/name or address of this host/, '\r'],
        [/mail domain/, 'contoso.com\r'],
      ]);
      expect(shown).toMatch(/revision 1\s+exit 0/);
      expect(await program.json('export')).toMatchObject({
        organization: { defaultDomain: 'contoso.com' },
        sites: [{ name: 'Berlin' }],
        servers: [{ name: 'FE7' }],
      });
    });

    test('ends with Ctrl-C, and has made no store', async () => {
      const program = createProgram();
      const shown = await answerInit(program, [[/name of the site/, '\u0003']]);
      expect(shown).toMatch(/error: cancelled; nothing was changed\s+exit 1/);
      expect(existsSync(program.store)).toBe(false);
    });
  },
);
