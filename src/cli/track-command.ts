import * as Flags from '@oclif/core/flags';
import type { Tracked } from '../admin/track-records.js';
import type { CommonFlags } from './base-command.js';
import { UsherCommand } from './base-command.js';
import { formatTable, onTerminal } from './output.js';

/** How records are shown to people. */
export interface RecordTexts<T> {
  readonly headings: readonly string[];
  readonly row: (record: T) => string[];
  /** Everything about one. */
  readonly text: (record: T) => string;
}

/** `--since`, `--until`, `--limit`; `ended` says what happened to a record at its time: `answered`. */
export function trackFlags(ended: string) {
  return {
    since: Flags.string({ description: `${ended} at this time or so long ago, or later`, helpValue: 'TIME|DURATION' }),
    until: Flags.string({
      description: `${ended} at this time or so long ago, or earlier`,
      helpValue: 'TIME|DURATION',
    }),
    limit: Flags.integer({ description: 'how many at most, the newest of them', default: 100, min: 1, max: 100_000 }),
  };
}

/** What the commands that read logs share. */
export abstract class TrackCommand extends UsherCommand {
  /** Shows the records, and says on standard error what there is to know beside them. */
  protected answer<T>(
    flags: CommonFlags & { readonly trace: boolean },
    { records, notes }: Tracked<T>,
    texts: RecordTexts<T>,
  ): readonly T[] {
    this.setQuiet(flags);
    const shown = flags.trace
      ? records.map(texts.text).join('\n')
      : formatTable(texts.headings, records.map(texts.row), onTerminal());
    this.say(shown);
    if (!flags.quiet && !this.jsonEnabled()) process.stderr.write(notes.map((note) => `${note}\n`).join(''));
    return records;
  }
}
