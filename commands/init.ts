import { Flags } from '@oclif/core';
import type { ChangeResult } from '../src/admin/change-estate.js';
import { initDefaults, initEstate } from '../src/admin/init.js';
import { changeFlags, UsherCommand } from '../src/cli/base-command.js';
import { askText } from '../src/cli/prompt.js';

export default class Init extends UsherCommand {
  static override summary = 'make the store: one site, this host as front end, the usual connectors and listeners';
  static override examples = ['<%= config.bin %> init --site Berlin --domain contoso.com'];
  static override flags = {
    ...changeFlags,
    site: Flags.string({ description: 'name of the site', helpValue: 'NAME' }),
    'front-end': Flags.string({ description: 'name of this front end', helpValue: 'NAME' }),
    host: Flags.string({ description: 'name or address of this host', helpValue: 'HOST' }),
    domain: Flags.string({ description: 'the first mail domain, authoritative', helpValue: 'DOMAIN' }),
    submissions: Flags.boolean({ description: 'also port 465 with TLS from the first byte' }),
  };

  async run(): Promise<ChangeResult> {
    const { flags } = await this.parse(Init);
    const defaults = initDefaults();
    const ask = !this.jsonEnabled();
    const answers = {
      site: flags.site ?? (await askText(ask, 'name of the site', defaults.site)),
      frontEnd: flags['front-end'] ?? (await askText(ask, 'name of this front end', defaults.frontEnd)),
      host: flags.host ?? (await askText(ask, 'name or address of this host', defaults.host)),
      domain: flags.domain ?? ((await askText(ask, 'mail domain (empty: none yet)', '')) || undefined),
      submissions: flags.submissions,
    };
    return this.change(flags, (store, meta, options) => initEstate(store, answers, meta, options));
  }
}
