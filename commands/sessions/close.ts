import { Args, Flags } from '@oclif/core';
import { type ClosingSessions, closeSessions } from '../../src/admin/sessions.js';
import { UsherCommand } from '../../src/cli/base-command.js';
import { durationFlag } from '../../src/cli/quantity-flags.js';
import { requireSelection, sessionFlags, sessionSelection } from '../../src/cli/session-flags.js';
import { closingText } from '../../src/cli/session-text.js';

export default class SessionsClose extends UsherCommand {
  static override summary = 'end sessions politely, spread over a time';
  static override description =
    'Ends what fits all that is given, at every runtime of the store on this host: mail is taken to its end, mail clients hear a goodbye. Returns at once; the sessions end evenly over the time of --over. Without it they end at once where they are no more than 100, else over 60s. --json gives {closing, overMs, unknown}: how many sessions will end, over how many milliseconds, and the given ids that no session has. Exit code 3 when there is none with the given ids.';
  static override examples = [
    '<%= config.bin %> sessions close k3f1a k3f2c',
    '<%= config.bin %> sessions close --server MBX1 --over 5m',
    '<%= config.bin %> sessions close --user ann@contoso.com',
  ];
  static override strict = false;
  static override args = {
    id: Args.string({ ignoreStdin: true, description: 'the sessions, as "sessions list" names them' }),
  };
  static override flags = {
    ...sessionFlags,
    all: Flags.boolean({
      description: 'every session',
      exclusive: ['user', 'server', 'protocol', 'client-ip'],
    }),
    over: Flags.string({ description: 'end them evenly over this time', helpValue: 'DURATION' }),
  };

  async run(): Promise<ClosingSessions> {
    const { argv, flags } = await this.parse(SessionsClose);
    this.setQuiet(flags);
    const ids = argv.map(String);
    const selection = sessionSelection(flags, ids.length === 0 ? null : ids);
    requireSelection(selection, flags.all);
    const overMs = flags.over === undefined ? null : durationFlag('over', flags.over);
    const closing = await closeSessions(await this.sockets(flags), selection, overMs);
    this.say(closingText(closing));
    if (closing.unknown.length > 0)
      process.stderr.write(`warning: no session has the id ${closing.unknown.join(', ')}\n`);
    return closing;
  }
}
