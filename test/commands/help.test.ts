import { Config } from '@oclif/core/config';
import { beforeAll, describe, expect, test } from 'vitest';
import ProgramHelp from '../../src/cli/program-help.js';
import { createProgram, programPath } from '../cli/program.js';

/** The help of the program, kept instead of printed. */
class KeptHelp extends ProgramHelp {
  text = '';

  protected override log(...lines: string[]): void {
    this.text += `${lines.join('\n')}\n`;
  }
}

let config: Config;
beforeAll(async () => {
  config = await Config.load(programPath);
});

describe('--help', () => {
  test('of every command and topic says what it does and how it is used', async () => {
    const commands = config.commands.map(({ id, summary = '' }) => ({ id, says: summary }));
    const topics = config.topics.filter(({ name }) => !config.findCommand(name));
    const all = [...commands, ...topics.map(({ name, description = '' }) => ({ id: name, says: description }))];
    expect(all.length).toBeGreaterThan(60);
    for (const { id, says } of all) {
      const help = new KeptHelp(await Config.load(programPath));
      await help.showHelp([...id.split(':'), '--help']);
      expect(help.text, id).toContain(says);
      expect(help.text, id).toMatch(new RegExp(`^USAGE\n  \\$ usher ${id.replaceAll(':', ' ')}\\b`, 'm'));
    }
  });

  test('is printed by the program, of a command also where its other words are wrong', async () => {
    const program = createProgram();
    const [whole, command, typed] = await Promise.all([
      program.ok('--help'),
      program.ok('server', 'create', '--help'),
      program.ok('server', 'create', 'MBX1', '--hots', 'x', '-h'),
    ]);
    for (const id of ['init', 'server', 'site', 'test', 'start'])
      expect(whole).toMatch(new RegExp(`^  ${id} +\\S`, 'm'));
    expect(command).toMatch(/^ +--site=SITE +required to create$/m);
    expect(typed).toBe(command);
  });
});
