import type { NounName } from '../topology/fields.js';
import type { Statements } from './statements.js';

export interface ObjectChange {
  readonly noun: NounName;
  readonly name: string;
  readonly change: 'created' | 'updated' | 'deleted';
}

/** Who changed what, when and why. `at` is an ISO time in UTC. */
export interface Revision {
  readonly revision: number;
  readonly at: string;
  readonly actor: string;
  readonly command: string;
  readonly message: string | null;
  readonly changed: readonly ObjectChange[];
  /** How many objects were changed; `changed` names the first twenty. */
  readonly changedCount: number;
}

/** The newest revision; 0 before the first change. */
export function headRevision(statements: Statements): number {
  return Number(statements.get('SELECT coalesce(max(revision), 0) AS head FROM revision')?.['head']);
}

const changeKind = `CASE WHEN before IS NULL THEN 'created' WHEN after IS NULL THEN 'deleted' ELSE 'updated' END`;

/** Revisions, newest first. */
export function listRevisions(statements: Statements, limit = 1000): Revision[] {
  return statements.all('SELECT * FROM revision ORDER BY revision DESC LIMIT ?', limit).map((row) => {
    const revision = Number(row['revision']);
    const sql = `SELECT noun, name, ${changeKind} AS change FROM change WHERE revision = ? LIMIT 20`;
    const count = statements.get('SELECT count(*) AS held FROM change WHERE revision = ?', revision);
    return {
      revision,
      at: String(row['at']),
      actor: String(row['actor']),
      command: String(row['command']),
      message: row['message'] === null ? null : String(row['message']),
      changed: statements.all(sql, revision) as unknown as ObjectChange[],
      changedCount: Number(count?.['held']),
    };
  });
}
