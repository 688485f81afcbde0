import { objectText } from '../../src/admin/object-text.js';
import { nounOf, showObject } from '../../src/admin/read-objects.js';
import { UsherCommand } from '../../src/cli/base-command.js';

export default class OrganizationShow extends UsherCommand {
  static override summary = 'show the settings that hold for the whole estate';
  static override examples = ['<%= config.bin %> organization show'];

  async run(): Promise<ReturnType<typeof showObject>> {
    const { flags } = await this.parse(OrganizationShow);
    const noun = nounOf('organization');
    const object = await this.withStore(flags, 'read', (store) => showObject(store, noun, noun.name));
    this.say(objectText(object));
    return object;
  }
}
