import type { DoorServices } from '../door-services.js';
import type { ServerAgents } from './server-agents.js';

/** What the parts of a web door share. */
export interface WebDoor {
  readonly listener: string;
  readonly services: DoorServices;
  readonly agents: ServerAgents;
}
