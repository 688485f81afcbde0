import type { Target } from '../routing/decision.js';

/** How many groups of equal targets are remembered. */
const groupsMax = 10_000;

/**
 * Turns equal targets: conversation n gets the list turned by n, the first is tried first, the next ones on failure.
 * Each group of targets is counted by itself.
 */
export function createRotation(): (targets: readonly Target[]) => readonly Target[] {
  const turns = new Map<string, number>();
  return (targets) => {
    if (targets.length < 2) return targets;
    const key = targets.map((target) => `${target.server}:${target.port}`).join(' ');
    const turn = turns.get(key) ?? 0;
    if (turns.size >= groupsMax) turns.clear();
    turns.set(key, turn + 1);
    const first = turn % targets.length;
    return [...targets.slice(first), ...targets.slice(0, first)];
  };
}
