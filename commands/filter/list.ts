import { Args } from '@oclif/core';
import type { FilterListing } from '../../src/admin/filter-rows.js';
import { listFilters } from '../../src/admin/filter-rows.js';
import { UsherCommand } from '../../src/cli/base-command.js';
import { formatTable, onTerminal } from '../../src/cli/output.js';

export default class FilterList extends UsherCommand {
  static override summary = 'list the entries of the filters, of one list or of all';
  static override description = `The lists are ip-allow, ip-block, allow-provider, block-provider, bypassed-recipient,
blocked-sender, blocked-domain, blocked-domain-and-subdomains, blocked-recipient, spf-bypassed-recipient,
spf-bypassed-domain and agent. Without LIST the settings follow ("usher filter set" changes them), and --json gives the
filters as "usher export" does; with LIST it gives that list as an array.`;
  static override examples = [
    '<%= config.bin %> filter list',
    '<%= config.bin %> filter list ip-block',
    '<%= config.bin %> filter list --json',
  ];
  static override args = {
    list: Args.string({ ignoreStdin: true, description: 'the list; all of them without' }),
  };

  async run(): Promise<FilterListing['document']> {
    const { args, flags } = await this.parse(FilterList);
    const listing = await this.withStore(flags, 'read', (store) => listFilters(store, args.list, Date.now()));
    this.say(formatTable(listing.headings, listing.rows, onTerminal()));
    return listing.document;
  }
}
