import { Flags } from '@oclif/core';
import type { ImportResult } from '../../src/admin/import-mailboxes.js';
import { importMailboxes } from '../../src/admin/import-mailboxes.js';
import { changeFlags, UsherCommand } from '../../src/cli/base-command.js';

export default class ImportMailboxes extends UsherCommand {
  static override summary = 'make and change mailboxes from a CSV file, all of them in one revision';
  static override description =
    `The first line names the columns, in any order: address and database, and of aliases, guid, extension,
dial-plan and protocols-off those that are wanted. Aliases and protocols are separated by spaces or semicolons. A column that is not
there keeps what is stored; an empty cell clears it.`;
  static override examples = [
    '<%= config.bin %> import mailboxes -f people.csv',
    '<%= config.bin %> import mailboxes -f - --dry-run < people.csv',
  ];
  static override flags = {
    ...changeFlags,
    file: Flags.string({
      char: 'f',
      required: true,
      description: 'CSV with a header line; - is standard input',
      helpValue: 'FILE',
    }),
  };

  #result: ImportResult | undefined;

  async run(): Promise<ImportResult | undefined> {
    const { flags } = await this.parse(ImportMailboxes);
    const shows = process.stderr.isTTY && !flags.quiet;
    await this.change(flags, (store, meta, options) => {
      const request = { file: flags.file, ...(shows && { onProgress: showProgress }) };
      try {
        this.#result = importMailboxes(store, request, meta, options);
        return this.#result;
      } finally {
        if (shows) process.stderr.write('\r\u001B[K');
      }
    });
    return this.#result;
  }

  /** The counts, instead of a line for each of what may be a million. */
  protected override say(text: string): void {
    super.say(this.#result ? importText(this.#result) : text);
  }
}

function showProgress(rows: number): void {
  process.stderr.write(`\r${rows} rows`);
}

function importText({ revision, created, updated, unchanged, changedCount }: ImportResult): string {
  const counts = `${created} created, ${updated} updated, ${unchanged} unchanged`;
  if (revision === null) return `${counts}\ndry run: nothing was written\n`;
  return changedCount === 0
    ? `${counts}\nnothing to change; revision ${revision}\n`
    : `${counts}\nrevision ${revision}\n`;
}
