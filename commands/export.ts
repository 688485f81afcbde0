import { exportEstate } from '../src/admin/export.js';
import { UsherCommand } from '../src/cli/base-command.js';

export default class Export extends UsherCommand {
  static override summary = 'print the estate as a file that "apply" takes';

  async run(): Promise<object> {
    const { flags } = await this.parse(Export);
    const { document, yaml } = await this.withStore(flags, 'read', exportEstate);
    if (!this.jsonEnabled()) process.stdout.write(yaml());
    return document;
  }
}
