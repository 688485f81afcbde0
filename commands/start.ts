import { Flags } from '@oclif/core';
import { UsherCommand } from '../src/cli/base-command.js';
import { startInBackground, startInForeground } from '../src/cli/start-process.js';
import { statusText } from '../src/cli/status-text.js';
import type { RuntimeStatus } from '../src/control/messages.js';
import { storePath } from '../src/settings.js';

export default class Start extends UsherCommand {
  static override summary = 'start the runtime; returns when every door is open';
  static override description =
    'A door that cannot be opened is named, nothing is left running, and the exit code is 1. With --foreground it runs until it is told to stop, for a supervisor.';
  static override flags = {
    on: Flags.string({ description: 'the front end', helpValue: 'FRONTEND' }),
    foreground: Flags.boolean({ description: 'run here, log on standard error' }),
  };

  async run(): Promise<RuntimeStatus> {
    const { flags } = await this.parse(Start);
    this.setQuiet(flags);
    const request = {
      storePath: storePath(flags.store),
      frontEnd: flags.on,
      controlSocket: flags.socket,
      version: this.config.version,
    };
    const ready = (status: RuntimeStatus): void => {
      if (flags.foreground) process.stderr.write(statusText(status));
      else this.say(statusText(status));
    };
    if (!flags.foreground) return startInBackground(request, ready);
    const { startRuntime } = await import('../src/runtime/start-runtime.js');
    return startInForeground(() => startRuntime({ ...request, logFile: process.send ? undefined : null }), ready);
  }
}
