import type { Hook } from '@oclif/core/hooks';
import { unknownCommand } from '../unknown-command.js';

/** Called where the words of a command line name no command; `usher help site` is `usher site --help`. */
const commandNotFound: Hook.CommandNotFound = async ({ id, config }) => {
  const words = id.split(':');
  if (words[0] !== 'help') throw unknownCommand(words, config);
  const { default: ProgramHelp } = await import('../program-help.js');
  return new ProgramHelp(config).showHelp(words.slice(1));
};

export default commandNotFound;
