import { Flags } from '@oclif/core';
import type { HttpRecord } from '../../src/admin/track-http.js';
import { requestHeadings, requestRow, requestText, trackRequests } from '../../src/admin/track-http.js';
import { TrackCommand, trackFlags } from '../../src/cli/track-command.js';
import { httpLogFolder, storePath } from '../../src/settings.js';

export default class TrackHttp extends TrackCommand {
  static override summary = 'what became of a web request: who asked, which server answered, how long it took';
  static override description =
    'Reads the HTTP log of the front ends that run on this host. What is given must all fit; names, addresses and paths compare without regard to case. Oldest first. Queries of URLs are not kept. --json gives whole records, with the rules that led to the server.';
  static override examples = [
    '<%= config.bin %> track http --user ann@contoso.com --since 1h',
    '<%= config.bin %> track http --status 5xx --server MBX1 --trace',
    '<%= config.bin %> track http --client 203.0.113.0/24 --path /ews --json',
  ];
  static override flags = {
    user: Flags.string({ description: 'the user as the client named it', helpValue: 'NAME' }),
    mailbox: Flags.string({ description: 'the mailbox that the request was for', helpValue: 'ADDRESS' }),
    client: Flags.string({ description: 'the address of the client, or its network', helpValue: 'ADDRESS|CIDR' }),
    server: Flags.string({ description: 'the mailbox server that answered or was tried', helpValue: 'NAME' }),
    service: Flags.string({ description: 'the service: owa, ews, mapi, ...', helpValue: 'NAME' }),
    status: Flags.string({ description: 'the status: 503, 5xx, none, or several with commas', helpValue: 'STATUS' }),
    path: Flags.string({ description: 'what the path begins with', helpValue: 'PATH' }),
    'request-id': Flags.string({ description: "the request's own id", helpValue: 'ID' }),
    ...trackFlags('over'),
    trace: Flags.boolean({ description: 'everything about each: rules, servers that were tried, bytes and times' }),
  };

  async run(): Promise<readonly HttpRecord[]> {
    const { flags } = await this.parse(TrackHttp);
    const { user, mailbox, client, server, service, status, path, since, until, limit } = flags;
    const requestId = flags['request-id'];
    const query = { user, mailbox, client, server, service, status, path, requestId, since, until, limit };
    const tracked = await trackRequests(httpLogFolder(storePath(flags.store)), query, Date.now());
    return this.answer(flags, tracked, { headings: requestHeadings, row: requestRow, text: requestText });
  }
}
