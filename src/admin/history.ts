import type { Store } from '../store/store.js';

/** A line of the history; `summary` says in words what was changed. */
export interface HistoryEntry {
  readonly revision: number;
  readonly at: string;
  readonly actor: string;
  readonly command: string;
  readonly message: string | null;
  readonly summary: string;
}

/** The revisions, newest first. */
export function readHistory(store: Store, limit: number): HistoryEntry[] {
  return store.history(limit).map(({ revision, at, actor, command, message, changed, changedCount }) => {
    const shown = changed.slice(0, 3).map((change) => `${change.change} ${change.noun} "${change.name}"`);
    const more = changedCount > shown.length ? [`and ${changedCount - shown.length} more`] : [];
    return { revision, at, actor, command, message, summary: [...shown, ...more].join(', ') };
  });
}
