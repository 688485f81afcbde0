import type { Server } from '../topology/catalogue/catalogue.js';
import type { Component } from '../topology/components.js';
import type { EndpointName } from '../topology/endpoints.js';
import type { Availability } from './availability.js';
import { whyNot } from './availability.js';
import type { Path, Target, TraceStep } from './decision.js';
import { step } from './decision.js';
import type { SitePath } from './paths.js';
import { sitesOf } from './paths.js';

/** Servers that are equally good, and why they come at their place in the order. */
export interface CandidateSet {
  readonly why: string;
  readonly servers: readonly Server[];
  readonly path: SitePath | undefined;
}

export interface Choice {
  readonly targets: readonly Target[];
  readonly fallback: ReadonlyArray<readonly Target[]>;
  readonly path: Path | null;
  readonly trace: readonly TraceStep[];
}

export function targetOf(server: Server, endpoint: EndpointName): Target {
  return { server: server.name, host: server.host, port: server.endpoints[endpoint].port, site: server.site };
}

/**
 * Leaves out who cannot be asked and who was named before; the first set that is left holds the targets, the others
 * are the fallback.
 */
export function chooseAmong(
  sets: readonly CandidateSet[],
  needs: { readonly endpoint: EndpointName; readonly components: readonly Component[] },
  availability: Availability,
): Choice {
  const seen = new Set<string>();
  const left: { set: CandidateSet; targets: Target[] }[] = [];
  const trace: TraceStep[] = [];
  for (const set of sets) {
    const fresh = set.servers.filter((server) => !seen.has(server.name));
    for (const server of fresh) seen.add(server.name);
    const refused = fresh.flatMap((server) => {
      const reason = whyNot(server, needs.components, availability);
      return reason === undefined ? [] : [{ server, reason }];
    });
    const able = fresh.filter((server) => !refused.some((entry) => entry.server === server));
    if (refused.length > 0) {
      trace.push(
        step('candidates/left-out', refused.map(({ server, reason }) => `${server.name} (${reason})`).join(', ')),
      );
    }
    if (able.length === 0) continue;
    const place = left.length === 0 ? 'candidates/first' : 'candidates/then';
    trace.push(step(place, `${able.map((server) => server.name).join(', ')}: ${set.why}`));
    left.push({ set, targets: able.map((server) => targetOf(server, needs.endpoint)) });
  }
  const [first, ...rest] = left;
  const path = first?.set.path && {
    sites: sitesOf(first.set.path).map((site) => site.name),
    cost: first.set.path.cost,
  };
  return { targets: first?.targets ?? [], fallback: rest.map((entry) => entry.targets), path: path ?? null, trace };
}
