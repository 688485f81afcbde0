import { Flags } from '@oclif/core';
import { requireStatus } from '../src/admin/runtime-control.js';
import { UsherCommand } from '../src/cli/base-command.js';
import { statusText } from '../src/cli/status-text.js';
import type { RuntimeStatus } from '../src/control/messages.js';

export default class Status extends UsherCommand {
  static override summary = 'the runtime of this machine: its process, the revision in force, doors and sessions';
  static override flags = { on: Flags.string({ description: 'the front end', helpValue: 'FRONTEND' }) };

  async run(): Promise<RuntimeStatus> {
    const { flags } = await this.parse(Status);
    this.setQuiet(flags);
    const status = await requireStatus({ sockets: await this.sockets(flags), frontEnd: flags.on });
    this.say(statusText(status));
    return status;
  }
}
