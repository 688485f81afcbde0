import type { Session, SessionRegistry } from '../session-registry.js';

/**
 * Whether a session is one too many: how many sessions of its protocol share its client address or user, itself
 * included, against the listener's limit (null: none).
 */
export function isFull(
  sessions: SessionRegistry,
  session: Session,
  by: 'clientAddress' | 'user',
  max: number | null | undefined,
): boolean {
  if (max === null || max === undefined) return false;
  const same = sessions.list().filter((other) => other.protocol === session.protocol && other[by] === session[by]);
  return same.length > max;
}
