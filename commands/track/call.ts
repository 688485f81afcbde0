import { Flags } from '@oclif/core';
import type { CallRecord } from '../../src/admin/track-call.js';
import { callHeadings, callRow, callText, trackCalls } from '../../src/admin/track-call.js';
import { TrackCommand, trackFlags } from '../../src/cli/track-command.js';
import { callLogFolder, storePath } from '../../src/settings.js';

export default class TrackCall extends TrackCommand {
  static override summary = 'what became of a call: who called whom, which server it was sent to, what was answered';
  static override description =
    'Reads the call log of the front ends that run on this host. What is given must all fit; names and addresses compare without regard to case. Oldest first. --json gives whole records, with the rules that led to the server.';
  static override examples = [
    '<%= config.bin %> track call --callee 5101 --since 1h',
    '<%= config.bin %> track call --status 4xx,5xx --client 10.9.9.0/24 --trace',
    '<%= config.bin %> track call --server MBX1 --json',
  ];
  static override flags = {
    callee: Flags.string({
      description: 'whom the call was for, or who diverted it: extension, number or address',
      helpValue: 'EXTENSION|ADDRESS',
    }),
    client: Flags.string({ description: 'the address of the gateway, or its network', helpValue: 'ADDRESS|CIDR' }),
    server: Flags.string({ description: 'the mailbox server that the call was sent to', helpValue: 'NAME' }),
    status: Flags.string({ description: 'the status: 302, 4xx, or several with commas', helpValue: 'STATUS' }),
    ...trackFlags('answered'),
    trace: Flags.boolean({ description: 'everything about each: URIs, rules, and where it was sent' }),
  };

  async run(): Promise<readonly CallRecord[]> {
    const { flags } = await this.parse(TrackCall);
    const { callee, client, server, status, since, until, limit } = flags;
    const query = { callee, client, server, status, since, until, limit };
    const tracked = await trackCalls(callLogFolder(storePath(flags.store)), query, Date.now());
    return this.answer(flags, tracked, { headings: callHeadings, row: callRow, text: callText });
  }
}
