import { Help } from '@oclif/core/help';
import { UsherError } from '../errors.js';
import { unknownCommand } from './unknown-command.js';

const helpFlags = ['--help', '-h'];

/** What `--help` prints, and what a topic without a verb prints; unknown words fail as they do without `--help`. */
export default class ProgramHelp extends Help {
  override async showHelp(argv: string[]): Promise<void> {
    const typed = process.argv.slice(2);
    const end = argv.findIndex((word) => word.startsWith('-'));
    const words = (end < 0 ? argv : argv.slice(0, end)).flatMap((word) => word.split(':'));
    if (words.length > 0 && !this.#names(words)) throw unknownCommand(words, this.config);
    if (typed.some((word) => word.startsWith('-')) && !typed.some((word) => helpFlags.includes(word))) {
      const verbs = this.config.commandIDs.filter((id) => id.startsWith(`${words.join(':')}:`));
      const ways = verbs.slice(0, 8).map((id) => `usher ${id.replaceAll(':', ' ')}`);
      throw new UsherError('usage', 'usage', `"usher ${words.join(' ')}" is no whole command`, ways);
    }
    await super.showHelp(argv);
  }

  /** Whether the words are a topic, or begin with a command and go on with its arguments. */
  #names(words: readonly string[]): boolean {
    if (this.config.findTopic(words.join(':'))) return true;
    const starts = words.map((_, index) => words.slice(0, index + 1).join(':'));
    return starts.some((id) => {
      const command = this.config.findCommand(id);
      return command !== undefined && (id === words.join(':') || Object.keys(command.args).length > 0);
    });
  }
}
