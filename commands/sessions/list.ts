import { listSessions, type SessionRecord } from '../../src/admin/sessions.js';
import { UsherCommand } from '../../src/cli/base-command.js';
import { sessionFlags, sessionSelection } from '../../src/cli/session-flags.js';
import { sessionsText } from '../../src/cli/session-text.js';

export default class SessionsList extends UsherCommand {
  static override summary = 'who is connected, from where, and to which mailbox server';
  static override description =
    "Asks every runtime of the store on this host; what is given must all fit. Oldest first. --json gives an array of {id, protocol, client, user, server, since, frontEnd}: protocol is smtp, imap, pop, http or sip; client the client's address; user the mailbox, or the login name where no more is known, null before a login; server the mailbox server, null before it is known; since the time in UTC. Exit code 6 when no runtime runs.";
  static override examples = [
    '<%= config.bin %> sessions list --user ann@contoso.com',
    '<%= config.bin %> sessions list --server MBX1 --protocol imap --json',
  ];
  static override flags = sessionFlags;

  async run(): Promise<readonly SessionRecord[]> {
    const { flags } = await this.parse(SessionsList);
    this.setQuiet(flags);
    const sessions = await listSessions(await this.sockets(flags), sessionSelection(flags));
    this.say(sessionsText(sessions));
    return sessions;
  }
}
