import { Flags } from '@oclif/core';
import type { TrackingRecord } from '../src/admin/track.js';
import { trackHeadings, trackMessages, trackRow, trackText } from '../src/admin/track.js';
import { TrackCommand, trackFlags } from '../src/cli/track-command.js';
import { storePath, trackingFolder } from '../src/settings.js';

export default class Track extends TrackCommand {
  static override summary = 'what became of a message: who brought it, where it went, what was answered';
  static override description =
    `Reads the message tracking of the front ends that run on this host. What is given must all fit;
addresses compare without regard to case. Oldest first. --json gives whole records, with the filters and the decision.`;
  static override examples = [
    '<%= config.bin %> track --message-id "<4711@fabrikam.com>" --trace',
    '<%= config.bin %> track --to ann@contoso.com --since 1h',
    '<%= config.bin %> track --from "<>" --since 2026-11-22T08:00:00Z --until 2026-11-22T09:00:00Z --json',
  ];
  static override flags = {
    'message-id': Flags.string({ description: 'the Message-ID, with or without <>', helpValue: 'ID' }),
    from: Flags.string({ description: 'the sender; <> is the empty one', helpValue: 'ADDRESS' }),
    to: Flags.string({ description: 'one of the recipients', helpValue: 'ADDRESS' }),
    ...trackFlags('answered'),
    trace: Flags.boolean({ description: 'everything about each: filters, decision, servers that were tried' }),
  };

  async run(): Promise<readonly TrackingRecord[]> {
    const { flags } = await this.parse(Track);
    const { from, to, since, until, limit } = flags;
    const query = { messageId: flags['message-id'], from, to, since, until, limit };
    const tracked = await trackMessages(trackingFolder(storePath(flags.store)), query, Date.now());
    return this.answer(flags, tracked, { headings: trackHeadings, row: trackRow, text: trackText });
  }
}
