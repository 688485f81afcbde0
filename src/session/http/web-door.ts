import type { ServerMemory } from '../../health/server-memory.js';
import type { HttpRecord } from '../../observability/http-record.js';
import type { Listener } from '../../topology/catalogue/catalogue.js';
import type { DoorServices, Snapshot } from '../door-services.js';
import type { RouteMemory } from './route-memory.js';
import type { ServerPools } from './server-pools.js';

/** What web doors are given besides what every door is. */
export interface WebServices extends DoorServices {
  /** What signs and checks route cookies, newest first. */
  routeKeys(): readonly Buffer[];
  /** What conversations saw of the servers. */
  readonly servers: ServerMemory;
  recordRequest(record: HttpRecord): void;
}

/** What the parts of a web door share. */
export interface WebDoor {
  readonly listener: string;
  readonly services: WebServices;
  readonly pools: ServerPools;
  readonly routes: RouteMemory;
  /** What the estate says of the listener; undefined when it is no longer there. */
  settings(snapshot: Snapshot): Listener | undefined;
}
