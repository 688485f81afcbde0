import { Args, Flags } from '@oclif/core';
import type { ChangeResult } from '../../src/admin/change-estate.js';
import { removeFilterEntries } from '../../src/admin/filters.js';
import { changeFlags, UsherCommand } from '../../src/cli/base-command.js';

export default class FilterRemove extends UsherCommand {
  static override summary = 'take entries off a list of the filters';
  static override description =
    `LIST is one of those that "usher filter list" names. Exit code 3: an entry is not there; nothing
is then removed.`;
  static override examples = [
    '<%= config.bin %> filter remove ip-block 203.0.113.0/24',
    '<%= config.bin %> filter remove blocked-sender spam@fabrikam.com junk@fabrikam.com --if-exists',
    '<%= config.bin %> filter remove block-provider zen',
  ];
  static override strict = false;
  static override args = {
    list: Args.string({ required: true, ignoreStdin: true, description: 'the list' }),
    entry: Args.string({ required: true, ignoreStdin: true, description: 'the entries, one or more' }),
  };
  static override flags = {
    ...changeFlags,
    'if-exists': Flags.boolean({ description: 'say nothing of those that are not there' }),
  };

  async run(): Promise<ChangeResult> {
    const { args, argv, flags } = await this.parse(FilterRemove);
    const request = { list: args.list, entries: argv.slice(1).map(String) };
    const ifExists = flags['if-exists'];
    return this.change(flags, (store, meta, options) =>
      removeFilterEntries(store, request, meta, { ...options, ifExists }),
    );
  }
}
