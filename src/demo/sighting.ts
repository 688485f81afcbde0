import type { DemoService } from './predict-servers.js';

/** One look at who answers: what `test routing` said beforehand, and what came of it. */
export interface Sighting {
  readonly service: DemoService | 'database';
  /** Equal first choices. */
  readonly predicted: readonly string[];
  /** The server's name by its own word, or empty. */
  readonly saw: string;
  /** What else was seen, for people. */
  readonly detail: string;
}

/** What an action did and saw. Rejects when a door answers otherwise than it should. */
export interface ActionResult {
  readonly did: string;
  readonly sighting: Sighting;
}
