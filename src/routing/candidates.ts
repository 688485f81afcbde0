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

/** A set as it is answered when all of it can be asked: as the first one that is left, or as a later one. */
interface Planned {
  readonly set: CandidateSet;
  readonly targets: readonly Target[];
  readonly first: TraceStep;
  readonly later: TraceStep;
}

function planSet(set: CandidateSet, endpoint: EndpointName): Planned {
  const words = `${set.servers.map((server) => server.name).join(', ')}: ${set.why}`;
  const targets = set.servers.map((server) => targetOf(server, endpoint));
  return { set, targets, first: step('candidates/first', words), later: step('candidates/then', words) };
}

const plans = new WeakMap<readonly CandidateSet[], Map<EndpointName, readonly Planned[]>>();

/** The sets with each server only where it comes first; worked out once, as sets are kept for many messages. */
function planOf(sets: readonly CandidateSet[], endpoint: EndpointName): readonly Planned[] {
  const known = plans.get(sets)?.get(endpoint);
  if (known) return known;
  const seen = new Set<string>();
  const plan = sets.map((set) => {
    const servers = set.servers.filter((server) => !seen.has(server.name));
    for (const server of servers) seen.add(server.name);
    return planSet({ ...set, servers }, endpoint);
  });
  plans.set(sets, (plans.get(sets) ?? new Map<EndpointName, readonly Planned[]>()).set(endpoint, plan));
  return plan;
}

const shownPaths = new WeakMap<SitePath, Path>();

function shownPath(path: SitePath): Path {
  const known = shownPaths.get(path);
  if (known) return known;
  const made = { sites: sitesOf(path).map((site) => site.name), cost: path.cost };
  shownPaths.set(path, made);
  return made;
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
  const left: (readonly Target[])[] = [];
  const trace: TraceStep[] = [];
  let path: SitePath | undefined;
  for (const planned of planOf(sets, needs.endpoint)) {
    const { set } = planned;
    const refused = refusalsOf(set.servers, needs.components, availability);
    if (refused) {
      const words = [...refused].map(([server, reason]) => `${server.name} (${reason})`);
      trace.push(step('candidates/left-out', words.join(', ')));
    }
    const servers = refused ? set.servers.filter((server) => !refused.has(server)) : set.servers;
    if (servers.length === 0) continue;
    if (left.length === 0) path = set.path;
    const able = refused ? planSet({ ...set, servers }, needs.endpoint) : planned;
    trace.push(left.length === 0 ? able.first : able.later);
    left.push(able.targets);
  }
  const [targets = [], ...fallback] = left;
  return { targets, fallback, path: path ? shownPath(path) : null, trace };
}

/** Why servers are not to be asked; undefined when all of them may be. */
function refusalsOf(
  servers: readonly Server[],
  components: readonly Component[],
  availability: Availability,
): Map<Server, string> | undefined {
  let refused: Map<Server, string> | undefined;
  for (const server of servers) {
    const reason = whyNot(server, components, availability);
    if (reason !== undefined) refused = (refused ?? new Map<Server, string>()).set(server, reason);
  }
  return refused;
}
