import type { ChangeResult } from '../../src/admin/change-estate.js';
import { updateObject } from '../../src/admin/objects.js';
import { nounOf } from '../../src/admin/read-objects.js';
import { changeFlags, UsherCommand } from '../../src/cli/base-command.js';
import { flagsOf, givenOf } from '../../src/cli/noun-flags.js';

const noun = nounOf('organization');

export default class OrganizationUpdate extends UsherCommand {
  static override summary = 'change settings that hold for the whole estate';
  static override examples = [
    '<%= config.bin %> organization update --default-domain contoso.com --arbitration-database DB1',
    '<%= config.bin %> organization update --internal-smtp-servers 10.0.0.0/24,10.1.0.5 --max-message-size 50MB',
    '<%= config.bin %> organization update --unset resolvers',
  ];
  static override flags = { ...changeFlags, ...flagsOf(noun) };

  async run(): Promise<ChangeResult> {
    const { flags } = await this.parse(OrganizationUpdate);
    const request = { noun, name: noun.name, given: givenOf(noun, flags) };
    return this.change(flags, (store, meta, options) => updateObject(store, request, meta, options));
  }
}
