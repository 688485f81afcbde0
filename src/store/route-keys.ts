import { randomBytes } from 'node:crypto';
import type { Statements } from './statements.js';

/** What the history may know of a key: never the key itself. */
interface RouteKeyMark {
  readonly id: number;
  readonly madeAt: string;
}

/** How many keys are kept: the one that signs, and the one before it, whose cookies are still about. */
const keptMax = 2;

/** The keys of route cookies, 32 bytes each, newest first. */
export function readRouteKeys(statements: Statements): Buffer[] {
  return statements
    .all('SELECT hex(key) AS key FROM route_key ORDER BY id DESC LIMIT ?', keptMax)
    .map((row) => Buffer.from(String(row['key']), 'hex'));
}

/** Adds a key that signs from now on, and forgets all but the one before it. */
export function addRouteKey(statements: Statements): { before: RouteKeyMark | undefined; after: RouteKeyMark } {
  const newest = statements.get('SELECT id, made_at FROM route_key ORDER BY id DESC LIMIT 1');
  const before = newest && { id: Number(newest['id']), madeAt: String(newest['made_at']) };
  const madeAt = new Date().toISOString();
  const id = (before?.id ?? 0) + 1;
  const key = randomBytes(32).toString('hex');
  statements.run('INSERT INTO route_key (id, key, made_at) VALUES (?, unhex(?), ?)', id, key, madeAt);
  const kept = 'SELECT id FROM route_key ORDER BY id DESC LIMIT ?';
  statements.run(`DELETE FROM route_key WHERE id NOT IN (${kept})`, keptMax);
  return { before, after: { id, madeAt } };
}
