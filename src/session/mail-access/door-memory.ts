import type { DoorServices } from '../door-services.js';
import { ConnectionCounts } from './connection-counts.js';
import { RefusalPace } from './refusal-delay.js';
import { RefusalMemory } from './refusal-memory.js';

/** What the doors of a runtime know of all their connections together. */
export interface DoorMemory {
  readonly pace: RefusalPace;
  readonly refusals: RefusalMemory;
  readonly counts: Readonly<Record<'imap' | 'pop', ConnectionCounts>>;
}

const memories = new WeakMap<DoorServices, DoorMemory>();

/** One for each runtime; `nowMs` is the first caller's. */
export function doorMemoryOf(services: DoorServices, nowMs: () => number): DoorMemory {
  const known = memories.get(services);
  if (known) return known;
  const memory = {
    pace: new RefusalPace(),
    refusals: new RefusalMemory(nowMs),
    counts: { imap: new ConnectionCounts(), pop: new ConnectionCounts() },
  };
  memories.set(services, memory);
  return memory;
}
