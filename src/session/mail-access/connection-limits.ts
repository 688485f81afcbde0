import type { Session, SessionRegistry } from '../session-registry.js';

/**
 * Whether a session is one too many: how many sessions of its protocol there are in all, or share its client address or
 * user, itself included, against the listener's limit (null: none).
 */
export function isFull(
  sessions: SessionRegistry,
  session: Session,
  by: 'all' | 'clientAddress' | 'user',
  max: number | null | undefined,
): boolean {
  if (max === null || max === undefined) return false;
  const same = sessions
    .list()
    .filter((other) => other.protocol === session.protocol && (by === 'all' || other[by] === session[by]));
  return same.length > max;
}
