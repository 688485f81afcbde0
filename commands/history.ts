import { Flags } from '@oclif/core';
import type { HistoryEntry } from '../src/admin/history.js';
import { readHistory } from '../src/admin/history.js';
import { UsherCommand } from '../src/cli/base-command.js';
import { formatTable, onTerminal } from '../src/cli/output.js';

export default class History extends UsherCommand {
  static override summary = 'the revisions, newest first: who changed what, when, and why';
  static override flags = {
    limit: Flags.integer({ description: 'how many at most', default: 50, min: 1, max: 100_000 }),
  };

  async run(): Promise<HistoryEntry[]> {
    const { flags } = await this.parse(History);
    const entries = await this.withStore(flags, 'read', (store) => readHistory(store, flags.limit));
    const rows = entries.map((entry) => [
      String(entry.revision),
      entry.at,
      entry.actor,
      entry.summary,
      entry.message ?? '',
    ]);
    this.say(formatTable(['revision', 'at', 'actor', 'changed', 'message'], rows, onTerminal()));
    return entries;
  }
}
