import { reasonOf } from '../../errors.js';
import type { Target } from '../../routing/decision.js';
import type { Endpoint } from '../../topology/endpoints.js';
import { type Answer, answerOf, unavailable } from './answers.js';
import type { AskedRequest } from './asked-request.js';
import type { Exchange } from './exchange.js';
import { type Routed, routeAnew, targetsInOrder } from './route-request.js';

/** A server to try, and how it is reached. */
export interface Candidate {
  readonly target: Target;
  readonly endpoint: Endpoint;
}

// Of one decision.
const candidatesMax = 6;

/**
 * The servers to try for a request, one after another, for as long as none of them can be connected to. After those of
 * the decision come those of a decision by the newest estate, as the mailbox may have moved. Gives the answer for the
 * client when none is left.
 */
export function* candidates(exchange: Exchange, asked: AskedRequest, first: Routed): Generator<Candidate, Answer> {
  const tried = new Set<string>();
  yield* untried(exchange, first, tried);
  const anew = routeAnew(exchange.door.services, asked);
  exchange.follow(anew);
  if (anew.decision.outcome !== 'proxy') return answerOf(anew.decision);
  yield* untried(exchange, anew, tried);
  return unavailable;
}

function* untried(exchange: Exchange, { snapshot, decision }: Routed, tried: Set<string>): Generator<Candidate, void> {
  let left = candidatesMax;
  for (const target of targetsInOrder(exchange.door.services, decision)) {
    const endpoint = snapshot.topology.server(target.server)?.endpoints.http;
    const key = `${target.server} ${target.host} ${target.port}`;
    if (endpoint === undefined || tried.has(key) || left === 0) continue;
    tried.add(key);
    left -= 1;
    exchange.goesTo(target);
    yield { target, endpoint };
  }
}

/** Notes that a candidate could not be connected to. */
export function logNotConnected({ door, requestId }: Exchange, { target }: Candidate, error: unknown): void {
  const { listener, services } = door;
  const fields = { listener, requestId, server: target.server, reason: reasonOf(error) };
  services.log.warn(fields, 'server cannot be connected to');
}
