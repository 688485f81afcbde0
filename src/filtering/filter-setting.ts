import type { Filters } from '../topology/catalogue/catalogue.js';
import type { Resolver } from '../topology/resolver.js';
import type { SpfChecker } from './spf-filter.js';

/** What the built-in agents judge by. */
export interface FilterSetting {
  readonly filters: Filters;
  /** Ranges of our own relays in front of the front end: whom they speak for stands in the Received fields. */
  readonly internalSmtpServers: readonly string[];
  readonly resolver: Resolver;
  /** Null: SPF is not checked. */
  readonly checkSpf: SpfChecker | null;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
}
