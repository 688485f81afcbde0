import type { Command } from '@oclif/core/command';
import { UsherError } from '../errors.js';

/** Words of a command line with `--hub=true` as `--hub` and `--hub=false` as `--no-hub`, which the parser takes for arguments. */
export function withPlainBooleans(
  argv: readonly string[],
  flags: Readonly<Record<string, Command.Flag.Any>>,
): string[] {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  return argv.flatMap((word, index) => {
    const [, name = '', value = ''] = /^--([\w-]+)=(.*)$/s.exec(word) ?? [];
    const flag = flags[name];
    if (index >= end || flag?.type !== 'boolean') return [word];
    if (value === 'true') return [`--${name}`];
    if (value !== 'false')
      throw new UsherError('usage', 'usage', `--${name} is true or false, found ${JSON.stringify(value)}`);
    return flag.allowNo ? [`--no-${name}`] : [];
  });
}
