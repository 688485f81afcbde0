import { Args, Flags } from '@oclif/core';
import type { ChangeResult } from '../../src/admin/change-estate.js';
import { readDetails } from '../../src/admin/filter-details.js';
import { requireList } from '../../src/admin/filter-lists.js';
import { addFilterEntries } from '../../src/admin/filters.js';
import { changeFlags, UsherCommand } from '../../src/cli/base-command.js';

export default class FilterAdd extends UsherCommand {
  static override summary = 'put entries on a list of the filters';
  static override description =
    `LIST is ip-allow, ip-block, allow-provider, block-provider, bypassed-recipient, blocked-sender,
blocked-domain, blocked-domain-and-subdomains, blocked-recipient, spf-bypassed-recipient, spf-bypassed-domain or agent.
An ENTRY is an address, range or network; the name of a provider or agent; a mail address; or a domain.
An entry that is there already is a conflict (exit code 4): --if-missing leaves it as it is, --replace gives it what the
flags say and leaves its other fields.
A provider without --priority is asked last; one that takes the priority of another pushes that one down.`;
  static override examples = [
    '<%= config.bin %> filter add ip-block 203.0.113.0/24 198.51.100.7 --comment "scanners" --expires 7d',
    '<%= config.bin %> filter add ip-block 203.0.113.0/24 --expires never --replace',
    '<%= config.bin %> filter add block-provider zen --zone zen.dnsbl.example --match 127.0.0.2,127.0.0.3 --priority 1',
    '<%= config.bin %> filter add blocked-sender spam@fabrikam.com',
    '<%= config.bin %> filter add agent greylist --module ./greylist.js --setting delay=5m --setting "nets=[\\"10.0.0.0/8\\"]"',
  ];
  static override strict = false;
  static override args = {
    list: Args.string({ required: true, ignoreStdin: true, description: 'the list' }),
    entry: Args.string({ required: true, ignoreStdin: true, description: 'the entries, one or more' }),
  };
  static override flags = {
    ...changeFlags,
    'if-missing': Flags.boolean({ description: 'leave alone what is there already', exclusive: ['replace'] }),
    replace: Flags.boolean({ description: 'give what is there already what the flags say' }),
    comment: Flags.string({ description: 'ip-allow, ip-block: a note', helpValue: 'TEXT' }),
    expires: Flags.string({
      description: 'ip-allow, ip-block: counts until this time, or so long from now; never',
      helpValue: 'TIME|DURATION|never',
    }),
    zone: Flags.string({
      description: 'providers: the domain under which addresses are looked up',
      helpValue: 'DOMAIN',
    }),
    priority: Flags.integer({
      description: 'providers, agent: the smaller, the earlier it is asked',
      helpValue: 'NUMBER',
    }),
    match: Flags.string({
      description: 'providers: which answers count; a bit of the last octet, or addresses',
      helpValue: 'any|mask:NUMBER|ADDRESS,...',
    }),
    response: Flags.string({ description: 'block-provider: what the client is told', helpValue: 'TEXT' }),
    module: Flags.string({ description: 'agent: its module, on every front end', helpValue: 'PATH' }),
    setting: Flags.string({
      description: 'agent: one of its settings; the value may be JSON',
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'KEY=VALUE',
    }),
    disabled: Flags.boolean({ description: 'providers, agent: not asked as yet' }),
  };

  async run(): Promise<ChangeResult> {
    const { args, argv, flags } = await this.parse(FilterAdd);
    const { comment, expires, zone, priority, match, response, module, setting, disabled } = flags;
    const given = { comment, expires, zone, priority, match, response, module, setting, disabled };
    const request = {
      list: args.list,
      entries: argv.slice(1).map(String),
      details: readDetails(requireList(args.list), given, Date.now()),
      present: flags.replace ? 'replace' : flags['if-missing'] ? 'keep' : 'refuse',
    } as const;
    return this.change(flags, (store, meta, options) => addFilterEntries(store, request, meta, options));
  }
}
