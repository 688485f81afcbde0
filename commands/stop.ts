import { Flags } from '@oclif/core';
import { stopRuntime } from '../src/admin/runtime-control.js';
import { UsherCommand } from '../src/cli/base-command.js';
import { durationFlag } from '../src/cli/quantity-flags.js';

export default class Stop extends UsherCommand {
  static override summary = 'stop the runtime: close the doors, let sessions end, then end them';
  static override flags = {
    on: Flags.string({ description: 'the front end', helpValue: 'FRONTEND' }),
    now: Flags.boolean({ description: 'do not wait for sessions', exclusive: ['timeout'] }),
    timeout: Flags.string({ description: 'how long sessions may take to end', default: '10s', helpValue: 'DURATION' }),
  };

  async run(): Promise<{ stopped: boolean; sessionsClosed: number }> {
    const { flags } = await this.parse(Stop);
    this.setQuiet(flags);
    const timeoutMs = flags.now ? 0 : durationFlag('timeout', flags.timeout);
    const stopped = await stopRuntime({ sockets: await this.sockets(flags), frontEnd: flags.on }, timeoutMs);
    if (!stopped) this.say('nothing runs\n');
    else this.say(`${stopped.frontEnd} is stopped; ${stopped.sessionsClosed} sessions had to be ended\n`);
    return { stopped: stopped !== null, sessionsClosed: stopped?.sessionsClosed ?? 0 };
  }
}
