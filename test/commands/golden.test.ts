import { readFileSync, writeFileSync } from 'node:fs';
import { Config } from '@oclif/core/config';
import { beforeAll, describe, expect, test } from 'vitest';
import { programPath } from '../cli/program.js';

const goldenFile = new URL('./commands.golden.txt', import.meta.url);

type Known = Config['commands'][number];

let config: Config;
beforeAll(async () => {
  config = await Config.load(programPath);
});

const byName = (left: { name: string }, right: { name: string }): number => (left.name < right.name ? -1 : 1);

function flagText(flag: Known['flags'][string]): string {
  const char = flag.char === undefined ? '' : `-${flag.char} `;
  const name = flag.type === 'boolean' && flag.allowNo ? `--[no-]${flag.name}` : `--${flag.name}`;
  const value =
    flag.type === 'option' ? ` ${[flag.helpValue ?? 'VALUE'].flat().join(' ')}${flag.multiple ? '...' : ''}` : '';
  return `  ${char}${name}${value}${flag.required ? ' (required)' : ''}\n`;
}

function commandText(command: Known): string {
  const args = Object.values(command.args).map(({ name, required }) =>
    required ? ` ${name.toUpperCase()}` : ` [${name.toUpperCase()}]`,
  );
  const rest = command.strict === false ? '...' : '';
  const flags = Object.values(command.flags).toSorted(byName).map(flagText);
  return `${command.id.replaceAll(':', ' ')}${args.join('')}${rest}\n${flags.join('')}`;
}

describe('the commands', () => {
  test('and their flags are those of the golden list (UPDATE_GOLDEN=1 rewrites it)', () => {
    const text = config.commands
      .toSorted((left, right) => (left.id < right.id ? -1 : 1))
      .map(commandText)
      .join('\n');
    if (process.env['UPDATE_GOLDEN']) writeFileSync(goldenFile, text);
    expect(text).toBe(readFileSync(goldenFile, 'utf8'));
  });

  test('each have a summary of one line, described flags and arguments that leave standard input alone', async () => {
    expect(config.commands.length).toBeGreaterThan(50);
    for (const command of config.commands) {
      expect(command.summary, command.id).toMatch(/^[^\n]{5,120}$/);
      for (const flag of Object.values(command.flags).filter(({ hidden }) => !hidden)) {
        expect(flag, `${command.id} --${flag.name}`).toHaveProperty('description');
      }
      for (const argument of Object.values((await command.load()).args ?? {})) {
        expect(argument.ignoreStdin, `${command.id} ${argument.name}`).toBe(true);
      }
    }
  });

  test('take several values of a flag only by repeating it, so that arguments may follow', async () => {
    for (const command of config.commands) {
      for (const [name, flag] of Object.entries((await command.load()).flags ?? {})) {
        if (flag.type !== 'option' || !flag.multiple) continue;
        expect(flag.multipleNonGreedy, `${command.id} --${name}`).toBe(true);
      }
    }
  });

  test('stand under topics that say what they are', () => {
    const written = (config.pjson.oclif.topics ?? {}) as Readonly<Record<string, { description?: string }>>;
    const topics = new Set(
      config.commandIDs.flatMap((id) =>
        id
          .split(':')
          .slice(0, -1)
          .map((_, index, words) => words.slice(0, index + 1).join(':')),
      ),
    );
    expect([...topics].toSorted()).toStrictEqual(Object.keys(written).toSorted());
    for (const name of topics) expect(config.findTopic(name)?.description).toBe(written[name]?.description);
  });
});
