import { Flags } from '@oclif/core';
import { applyEstate } from '../src/admin/apply.js';
import type { ChangeResult } from '../src/admin/change-estate.js';
import { changeFlags, UsherCommand } from '../src/cli/base-command.js';
import { readInput } from '../src/cli/read-input.js';

export default class Apply extends UsherCommand {
  static override summary = 'put an estate file onto the store: create and change what it names, in one revision';
  static override examples = [
    '<%= config.bin %> apply -f estate.yaml',
    '<%= config.bin %> export | <%= config.bin %> apply -f - --dry-run',
  ];
  static override flags = {
    ...changeFlags,
    file: Flags.string({
      char: 'f',
      required: true,
      description: 'YAML or JSON; - is standard input',
      helpValue: 'FILE',
    }),
    prune: Flags.boolean({ description: 'also delete what the file does not name' }),
  };

  async run(): Promise<ChangeResult> {
    const { flags } = await this.parse(Apply);
    const { text, fileName } = readInput(flags.file);
    const request = { text, fileName, prune: flags.prune };
    return this.change(flags, (store, meta, options) => applyEstate(store, request, meta, options));
  }
}
