import * as Flags from '@oclif/core/flags';
import type { Answer, Estate } from '../admin/test-routing.js';
import { storedEstate } from '../admin/test-routing.js';
import { UsherError } from '../errors.js';
import { isPositive } from '../routing/decision.js';
import { answerText } from './answer-text.js';
import type { CommonFlags } from './base-command.js';
import { UsherCommand } from './base-command.js';
import { readInput } from './read-input.js';

export const routingFlags = {
  on: Flags.string({ description: 'the front end that is asked', helpValue: 'FRONTEND' }),
  down: Flags.string({
    description: 'take this server to be unreachable',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'SERVER',
    default: [],
  }),
  revision: Flags.integer({ description: 'the estate as it was at this revision', min: 0, exclusive: ['file'] }),
  file: Flags.string({ char: 'f', description: 'the estate of this file alone', helpValue: 'FILE' }),
};

interface RoutingFlags extends CommonFlags {
  readonly revision?: number | undefined;
  readonly file?: string | undefined;
}

/** What the `test routing` commands share: which estate is asked, how the answer is shown, and the exit code of a no. */
export abstract class RoutingCommand extends UsherCommand {
  protected async answer(flags: RoutingFlags, ask: (estate: Estate) => Answer): Promise<Answer> {
    this.setQuiet(flags);
    const answer = await this.#ask(flags, ask);
    this.say(answerText(answer));
    if (!isPositive(answer.outcome)) process.exitCode = new UsherError('no', 'no', '').exitCode;
    return answer;
  }

  async #ask(flags: RoutingFlags, ask: (estate: Estate) => Answer): Promise<Answer> {
    if (flags.file === undefined) {
      return this.withStore(flags, 'read', (store) => ask(storedEstate(store, flags.revision)));
    }
    const { text, fileName } = readInput(flags.file);
    const { withFileEstate } = await import('../admin/file-estate.js');
    return withFileEstate(text, fileName, ask);
  }
}
