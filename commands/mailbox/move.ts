import { Args, Flags } from '@oclif/core';
import type { ChangeResult } from '../../src/admin/change-estate.js';
import { moveMailboxes } from '../../src/admin/mailbox.js';
import { changeFlags, UsherCommand } from '../../src/cli/base-command.js';

export default class MailboxMove extends UsherCommand {
  static override summary = 'move mailboxes to another database';
  static override examples = ['<%= config.bin %> mailbox move ann@contoso.com bob@contoso.com --to DB2'];
  static override strict = false;
  static override args = {
    address: Args.string({ required: true, ignoreStdin: true, description: 'the mailboxes, one or more' }),
  };
  static override flags = {
    ...changeFlags,
    to: Flags.string({ required: true, description: 'the database', helpValue: 'DATABASE' }),
  };

  async run(): Promise<ChangeResult> {
    const { argv, flags } = await this.parse(MailboxMove);
    return this.change(flags, (store, meta, options) =>
      moveMailboxes(store, argv.map(String), flags.to, meta, options),
    );
  }
}
