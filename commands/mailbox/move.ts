import { Args, Flags } from '@oclif/core';
import type { ChangeResult } from '../../src/admin/change-estate.js';
import { whileHeld } from '../../src/admin/hold-mailboxes.js';
import { mailboxesToMove, moveMailboxes } from '../../src/admin/mailbox.js';
import { changeFlags, UsherCommand } from '../../src/cli/base-command.js';
import { interruptSignal } from '../../src/cli/interrupt-signal.js';
import { holdFlag } from '../../src/cli/quantity-flags.js';

export default class MailboxMove extends UsherCommand {
  static override summary = 'move mailboxes to another database';
  static override description =
    'Their sessions at the old server end politely. With --hold they end before: logins are answered "try again later" ([UNAVAILABLE], [SYS/TEMP], 454) by the runtimes of this host from then on until the move is in force. What has not ended after the time of --hold is cut off. When anything fails, or the command is ended, nothing is changed and logins are let in again.';
  static override examples = [
    '<%= config.bin %> mailbox move ann@contoso.com bob@contoso.com --to DB2',
    '<%= config.bin %> mailbox move ann@contoso.com --to DB2 --hold 30s',
  ];
  static override strict = false;
  static override args = {
    address: Args.string({ required: true, ignoreStdin: true, description: 'the mailboxes, one or more' }),
  };
  static override flags = {
    ...changeFlags,
    to: Flags.string({ required: true, description: 'the database', helpValue: 'DATABASE' }),
    hold: Flags.string({
      description: 'refuse logins until the move is through, and let sessions end for so long before it',
      helpValue: 'DURATION',
    }),
  };

  async run(): Promise<ChangeResult> {
    const { argv, flags } = await this.parse(MailboxMove);
    const addresses = argv.map(String);
    const holdMs = flags.hold === undefined ? null : holdFlag(flags.hold);
    const move = (): Promise<ChangeResult> =>
      this.change(flags, (store, meta, options) => moveMailboxes(store, addresses, flags.to, meta, options));
    if (holdMs === null || flags['dry-run']) return move();
    const mailboxes = await this.withStore(flags, 'read', (store) => mailboxesToMove(store, addresses, flags.to));
    if (mailboxes.length === 0) return move();
    const plan = { sockets: await this.sockets(flags), mailboxes, holdMs, signal: interruptSignal() };
    const { result, cutOff } = await whileHeld(plan, move);
    if (cutOff > 0) process.stderr.write(`warning: ${cutOff} sessions did not end in time and were cut off\n`);
    return result;
  }
}
