import type { Availability } from '../../routing/availability.js';
import type { Target } from '../../routing/decision.js';
import { type ClientDecision, routeClient } from '../../routing/route-client.js';
import { nameKey } from '../../topology/names.js';
import type { Snapshot } from '../door-services.js';
import type { AskedRequest } from './asked-request.js';
import type { WebServices } from './web-door.js';

/** A decision and the estate it was made from. */
export interface Routed {
  readonly snapshot: Snapshot;
  readonly decision: ClientDecision;
}

const decisionsMax = 20_000;
// Longer ones are nobody's but those who want to fill the memory.
const keyLengthMax = 1000;

/**
 * Where requests go. A decision is kept for requests that say the same of whom they are for, until the estate or what is
 * known of the servers changes: every commit makes a new snapshot.
 */
export class RouteMemory {
  readonly #services: WebServices;
  readonly #decisions = new Map<string, Routed>();
  #snapshot: Snapshot | null = null;
  #version = -1;

  constructor(services: WebServices) {
    this.#services = services;
  }

  /** By the estate in force; by the newest one when this one knows no server for the mailbox. */
  decide(asked: AskedRequest): Routed {
    const snapshot = this.#services.snapshot();
    this.#forgetOld(snapshot);
    const key = keyOf(asked);
    const known = key === null ? undefined : this.#decisions.get(key);
    if (known !== undefined) return known;
    const routed = this.#decideBy(snapshot, asked);
    if (routed.decision.reason === 'no-active-server') return this.decideAnew(asked);
    if (key !== null && routed.decision.outcome === 'proxy') this.#keep(key, routed);
    return routed;
  }

  /** By the newest estate. */
  decideAnew(asked: AskedRequest): Routed {
    return this.#decideBy(this.#services.freshSnapshot(), asked);
  }

  /** Every server of a decision in the order in which they are tried: those that were not reached lately come last. */
  targetsOf({ decision: { targets, fallback } }: Routed): readonly Target[] {
    if (fallback.length === 0 && targets.length === 1) return targets;
    const { servers } = this.#services;
    const inOrder = [targets, ...fallback].flatMap((equals) => this.#services.rotate(equals));
    const isFailing = ({ server }: Target): boolean => servers.isFailing(server);
    return inOrder.some(isFailing)
      ? [...inOrder.filter((target) => !isFailing(target)), ...inOrder.filter(isFailing)]
      : inOrder;
  }

  #decideBy(snapshot: Snapshot, { request, service, hints }: AskedRequest): Routed {
    const { topology, directory, frontEnd } = snapshot;
    const { servers, availability } = this.#services;
    const known: Availability = {
      isDown: (server) => availability.isDown(server),
      isFailing: (server) => servers.isFailing(server.name),
    };
    const decision = routeClient({
      ...request,
      topology,
      directory,
      frontEnd,
      availability: known,
      protocol: service.name,
      hints,
    });
    return { snapshot, decision };
  }

  #forgetOld(snapshot: Snapshot): void {
    const { version } = this.#services.servers;
    if (snapshot === this.#snapshot && version === this.#version) return;
    this.#decisions.clear();
    this.#snapshot = snapshot;
    this.#version = version;
  }

  #keep(key: string, routed: Routed): void {
    if (this.#decisions.size >= decisionsMax) this.#decisions.clear();
    const trace = routed.decision.trace.map(({ rule, detail }) => ({ rule, detail: copyOf(detail) }));
    this.#decisions.set(copyOf(key), { ...routed, decision: { ...routed.decision, trace } });
  }
}

/** A text put together from pieces of a request would keep the whole head that they were cut from. */
const copyOf = (text: string): string => Buffer.from(text, 'utf16le').toString('utf16le');

/** Everything that a decision to proxy depends on besides the estate; null for what is decided anew each time. */
function keyOf({ service, host, hints, path }: AskedRequest): string | null {
  if (path === '/' || path.toLowerCase().endsWith('/healthcheck.htm')) return null;
  let key = `${service.name}\n${nameKey(host)}`;
  // With their lengths, as values may hold anything: no two lists of hints make the same key.
  for (const { rule, value } of hints) key += `\n${rule} ${value.length} ${value}`;
  return key.length > keyLengthMax ? null : key;
}
