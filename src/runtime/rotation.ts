import type { Target } from '../routing/decision.js';

/** How many lists are remembered. */
const listsMax = 10_000;

/** Turns lists: question n of a key gets its list turned by n. */
export function createTurns(): <T>(key: string, items: readonly T[]) => readonly T[] {
  const turns = new Map<string, number>();
  return (key, items) => {
    if (items.length < 2) return items;
    const turn = turns.get(key) ?? 0;
    if (turns.size >= listsMax) turns.clear();
    turns.set(key, turn + 1);
    const first = turn % items.length;
    return [...items.slice(first), ...items.slice(0, first)];
  };
}

/**
 * Turns equal targets: the first is tried first, the next ones on failure. Each group of targets is counted by itself.
 */
export function createRotation(): (targets: readonly Target[]) => readonly Target[] {
  const turn = createTurns();
  return (targets) => {
    if (targets.length < 2) return targets;
    return turn(targets.map((target) => `${target.server}:${target.port}`).join(' '), targets);
  };
}
