import { Flags } from '@oclif/core';
import type { ChangeResult } from '../../src/admin/change-estate.js';
import { setFilters } from '../../src/admin/filters.js';
import { nounOf } from '../../src/admin/read-objects.js';
import { changeFlags, UsherCommand } from '../../src/cli/base-command.js';
import { givenOf } from '../../src/cli/noun-flags.js';

const several = { multiple: true, multipleNonGreedy: true } as const;

export default class FilterSet extends UsherCommand {
  static override summary = 'change settings of the filters, and switch filters on and off';
  static override description =
    `Settings: enabled.connection, enabled.sender, enabled.recipient, enabled.spf (true, false);
senders.blockBlank (true, false), senders.action (reject, stamp); recipients.validate (true, false);
spf.fail, spf.tempError (stamp, reject, delete).
NAME is connection, sender, recipient or spf, or the name of a provider or agent; LIST:NAME (agent:greylist) where
several go by it.`;
  static override examples = [
    '<%= config.bin %> filter set --enable spf --set spf.fail=reject',
    '<%= config.bin %> filter set --set senders.blockBlank=true --set senders.action=stamp',
    '<%= config.bin %> filter set --unset recipients.validate --disable greylist',
  ];
  static override flags = {
    ...changeFlags,
    set: Flags.string({ ...several, helpValue: 'FIELD=VALUE', description: 'sets a field: spf.fail=reject' }),
    unset: Flags.string({ ...several, helpValue: 'FIELD', description: 'clears a field to its default' }),
    enable: Flags.string({ ...several, helpValue: 'NAME', description: 'switches a filter, provider or agent on' }),
    disable: Flags.string({ ...several, helpValue: 'NAME', description: 'switches a filter, provider or agent off' }),
  };

  async run(): Promise<ChangeResult> {
    const { flags } = await this.parse(FilterSet);
    const { set, unset, enable = [], disable = [] } = flags;
    const request = { given: givenOf(nounOf('filters'), { set, unset }), enable, disable };
    return this.change(flags, (store, meta, options) => setFilters(store, request, meta, options));
  }
}
