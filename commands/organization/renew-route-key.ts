import type { ChangeResult } from '../../src/admin/change-estate.js';
import { renewRouteKey } from '../../src/admin/renew-route-key.js';
import { changeFlags, UsherCommand } from '../../src/cli/base-command.js';

export default class OrganizationRenewRouteKey extends UsherCommand {
  static override summary = 'make a new key that signs route cookies; those signed with the one before stay valid';
  static override examples = ['<%= config.bin %> organization renew-route-key --message "a backup went astray"'];
  static override flags = { ...changeFlags };

  async run(): Promise<ChangeResult> {
    const { flags } = await this.parse(OrganizationRenewRouteKey);
    return this.change(flags, renewRouteKey);
  }
}
