import { Args, Flags } from '@oclif/core';
import type { ChangeResult } from '../../src/admin/change-estate.js';
import { activateDatabase } from '../../src/admin/database.js';
import { changeFlags, UsherCommand } from '../../src/cli/base-command.js';

export default class DatabaseActivate extends UsherCommand {
  static override summary = 'make the copy on another server the active one';
  static override examples = ['<%= config.bin %> database activate DB1 --to MBX2'];
  static override args = { name: Args.string({ required: true, ignoreStdin: true, description: 'the database' }) };
  static override flags = {
    ...changeFlags,
    to: Flags.string({ required: true, description: 'the server with the copy', helpValue: 'SERVER' }),
  };

  async run(): Promise<ChangeResult> {
    const { args, flags } = await this.parse(DatabaseActivate);
    return this.change(flags, (store, meta, options) => activateDatabase(store, args.name, flags.to, meta, options));
  }
}
