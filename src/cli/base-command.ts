import { Command } from '@oclif/core/command';
import * as Flags from '@oclif/core/flags';
import type { ChangeMeta, ChangeOptions, ChangeResult, Store } from '../admin/change-estate.js';
import { lendStore } from '../admin/lend-store.js';
import { actorName, socketFolder, socketPrefix, storePath } from '../settings.js';
import { withPlainBooleans } from './boolean-flags.js';
import { reportFailure, toFailure } from './failure.js';
import { paint } from './output.js';

/** Flags of every command. */
export interface CommonFlags {
  readonly store?: string | undefined;
  readonly quiet?: boolean | undefined;
  readonly socket?: string | undefined;
}

/** Flags of every changing command. */
export interface ChangeFlags extends CommonFlags {
  readonly 'dry-run'?: boolean | undefined;
  readonly message?: string | undefined;
  readonly 'expect-revision'?: number | undefined;
}

export const changeFlags = {
  'dry-run': Flags.boolean({ description: 'say what would change, and change nothing' }),
  message: Flags.string({ description: 'a reason, kept in the history' }),
  'expect-revision': Flags.integer({ description: 'refuse if the store is at another revision', min: 0 }),
};

/** What all commands share: the store, `--json`, exit codes and the form of errors. */
export abstract class UsherCommand extends Command {
  static override enableJsonFlag = true;
  static override baseFlags = {
    store: Flags.string({
      description: 'the topology store',
      env: 'USHER_STORE',
      helpGroup: 'GLOBAL',
      helpValue: 'PATH',
    }),
    socket: Flags.string({
      description: 'the control socket of the runtime',
      env: 'USHER_SOCKET',
      helpGroup: 'GLOBAL',
      helpValue: 'PATH',
    }),
    quiet: Flags.boolean({ char: 'q', description: 'print nothing when all is well', helpGroup: 'GLOBAL' }),
  };

  #quiet = false;

  protected override async init(): Promise<void> {
    await super.init();
    this.argv = withPlainBooleans(this.argv, { ...this.#ownFlags(), json: Flags.boolean() });
  }

  #ownFlags(): Readonly<Record<string, Command.Flag.Any>> {
    return { ...this.ctor.baseFlags, ...this.ctor.flags };
  }

  /** Opens the store that the flags name, lends it, and closes it. */
  protected async withStore<T>(
    flags: CommonFlags,
    purpose: 'read' | 'write',
    use: (store: Store) => T | Promise<T>,
  ): Promise<T> {
    this.#quiet = flags.quiet === true;
    return lendStore(storePath(flags.store), purpose, use);
  }

  /** Makes a change, says what it did, and waits until the runtimes of this host have it in force. */
  protected async change(
    flags: ChangeFlags,
    edit: (store: Store, meta: ChangeMeta, options: ChangeOptions) => ChangeResult,
  ): Promise<ChangeResult> {
    const meta = { actor: actorName(), command: this.#commandLine(), message: flags.message ?? null };
    const options = {
      dryRun: flags['dry-run'] === true,
      ...(flags['expect-revision'] !== undefined && { expectRevision: flags['expect-revision'] }),
    };
    const result = await this.withStore(flags, 'write', (store) => edit(store, meta, options));
    for (const warning of result.warnings) process.stderr.write(`warning: ${warning.object} ${warning.message}\n`);
    this.say(changeText(result));
    if (result.revision !== null && result.changed.length > 0) {
      const { awaitRuntimes } = await import('../admin/await-runtimes.js');
      await awaitRuntimes(await this.sockets(flags), result.revision);
    }
    return result;
  }

  /** Prints text on standard output, unless `--json` or `--quiet` was given. */
  protected say(text: string): void {
    if (!this.jsonEnabled() && !this.#quiet) process.stdout.write(text);
  }

  protected setQuiet(flags: CommonFlags): void {
    this.#quiet = flags.quiet === true;
  }

  /** Control sockets of the runtimes that serve the store. */
  protected async sockets(flags: CommonFlags): Promise<string[]> {
    const override = flags.socket ?? process.env['USHER_SOCKET'];
    const { findSockets } = await import('../control/client.js');
    return override ? [override] : findSockets(socketFolder(), socketPrefix(storePath(flags.store)));
  }

  /** What was typed, for the history. */
  #commandLine(): string {
    const words = process.argv.slice(2).map((word) => (/^[\w@.:/=,+-]+$/.test(word) ? word : JSON.stringify(word)));
    return `usher ${words.join(' ')}`.slice(0, 2000);
  }

  override logJson(json: unknown): void {
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
  }

  protected override async catch(error: Error & { oclif?: { exit?: number } }): Promise<unknown> {
    if (error.oclif?.exit === 0) throw error;
    this.parsed = true; // oclif warns of a command that failed before that, where NODE_ENV is test or development
    const own = this.#ownFlags();
    const negated = Object.entries(own).flatMap(([name, flag]) =>
      flag.type === 'boolean' && flag.allowNo ? [`no-${name}`] : [],
    );
    const failure = toFailure(error, [...Object.keys(own), ...negated, 'json', 'help']);
    reportFailure(failure, this.jsonEnabled() ? 'json' : 'text');
    if (failure.code === 'bug' && process.env['DEBUG']) process.stderr.write(`${error.stack ?? ''}\n`);
    return undefined;
  }
}

function changeText(result: ChangeResult): string {
  const shown = result.changed.slice(0, 20).map((change) => `${change.noun} "${change.name}" ${change.change}\n`);
  const more = result.changed.length > 20 ? `and ${result.changed.length - 20} more\n` : '';
  if (result.changed.length === 0)
    return `nothing to change${result.revision === null ? '' : `; revision ${result.revision}`}\n`;
  const end = result.revision === null ? 'dry run: nothing was written' : `revision ${result.revision}`;
  return `${shown.join('')}${more}${paint('bold', end)}\n`;
}
