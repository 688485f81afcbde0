import { Flags } from '@oclif/core';
import type { EstateFinding } from '../src/admin/check-estate.js';
import type { CommonFlags } from '../src/cli/base-command.js';
import { UsherCommand } from '../src/cli/base-command.js';
import { startInBackground, startInForeground } from '../src/cli/start-process.js';
import { statusText } from '../src/cli/status-text.js';
import type { RuntimeStatus } from '../src/control/messages.js';
import { UsherError } from '../src/errors.js';
import { storePath } from '../src/settings.js';

export default class Start extends UsherCommand {
  static override summary = 'start the runtime; returns when every door is open';
  static override description =
    'A door that cannot be opened is named, nothing is left running, and the exit code is 1; so it is when the estate has errors (see "check"), and its warnings are printed. With --foreground it runs until it is told to stop, for a supervisor.';
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
    // A process that another start began was checked by that one.
    const warnings = flags.foreground && process.send ? [] : await this.#checkEstate(flags);
    const ready = (status: RuntimeStatus): void => {
      for (const warning of warnings) process.stderr.write(`${warning}\n`);
      if (flags.foreground) process.stderr.write(statusText(status));
      else this.say(statusText(status));
    };
    if (!flags.foreground) return startInBackground(request, ready);
    const { startRuntime } = await import('../src/runtime/start-runtime.js');
    return startInForeground(() => startRuntime({ ...request, logFile: process.send ? undefined : null }), ready);
  }
  /** The warnings of the estate in lines; fails with its errors. */
  async #checkEstate(flags: CommonFlags): Promise<string[]> {
    const { checkEstate, findingText } = await import('../src/admin/check-estate.js');
    const findings = await this.withStore(flags, 'read', (store) => checkEstate(store, new Date()));
    const errors = findings.filter(({ severity }) => severity === 'error');
    if (errors.length > 0) throw estateErrors(errors);
    return findings.map(findingText);
  }
}

const errorsShown = 20;

function estateErrors(errors: readonly EstateFinding[]): UsherError {
  const lines = errors
    .slice(0, errorsShown)
    .map(({ object, path, message }) => `  ${[object, path, message].filter((part) => part !== '').join(': ')}`);
  const more = errors.length > errorsShown ? [`  and ${errors.length - errorsShown} more`] : [];
  const head = `the estate has ${errors.length === 1 ? 'an error' : `${errors.length} errors`} and cannot be put in force:`;
  return new UsherError('failed', 'estate-has-errors', [head, ...lines, ...more].join('\n'), ['usher check']);
}
