import type { Decision, Target } from '../../routing/decision.js';
import { routeClient } from '../../routing/route-client.js';
import type { DoorServices, Snapshot } from '../door-services.js';
import type { AskedRequest } from './asked-request.js';

/** A decision and the estate it was made from. */
export interface Routed {
  readonly snapshot: Snapshot;
  readonly decision: Decision;
}

/** Where a request goes by the estate in force; by the newest one when this one knows no server for the mailbox. */
export function routeRequest(services: DoorServices, asked: AskedRequest): Routed {
  const routed = routeBy(services.snapshot(), services, asked);
  const { outcome, reason } = routed.decision;
  return outcome === 'unavailable' && reason === 'no-active-server' ? routeAnew(services, asked) : routed;
}

/** Where a request goes by the newest estate. */
export function routeAnew(services: DoorServices, asked: AskedRequest): Routed {
  return routeBy(services.freshSnapshot(), services, asked);
}

/** Every server of a decision in the order in which they are tried. */
export function targetsInOrder(services: DoorServices, { targets, fallback }: Decision): readonly Target[] {
  return [targets, ...fallback].flatMap((equals) => services.rotate(equals));
}

function routeBy(snapshot: Snapshot, services: DoorServices, asked: AskedRequest): Routed {
  const { topology, directory, frontEnd } = snapshot;
  const { service: protocol, user, target: url, headers } = asked;
  const { availability } = services;
  const decision = routeClient({ topology, directory, frontEnd, availability, protocol, user, url, headers });
  return { snapshot, decision };
}
