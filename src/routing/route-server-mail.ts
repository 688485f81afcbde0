import type { Decision, RecipientDecision } from './decision.js';
import { decide } from './decision.js';
import { type Destination, type ResolvedRecipient, resolveRecipients } from './destinations.js';
import { type HopQuestion, hopOutside, hopToDatabase, hopToExpansionServer, type NextHop } from './next-hop.js';

/** A message at a mailbox server. */
export interface ServerMailQuestion extends HopQuestion {
  readonly to: readonly string[];
}

function hopTo(question: HopQuestion, destination: Destination): NextHop {
  switch (destination.kind) {
    case 'database':
      return hopToDatabase(question, destination.database);
    case 'expansion-server':
      return hopToExpansionServer(question, destination.server);
    case 'outside':
      return hopOutside(question, destination.domain);
    case 'refused': {
      const { reason, reply } = destination;
      const nowhere = { deliveryGroup: null, path: null, targets: [], fallback: [], connector: null, trace: [] };
      return { ...nowhere, outcome: 'reject', reason, reply, deliveryType: 'Unreachable', nextHopDomain: '' };
    }
  }
}

/** Recipients that leave together: same outcome, same name of the next hop, same connector. */
const keyOf = ({ outcome, reason, deliveryType, nextHopDomain, deliveryGroup, connector }: NextHop): string =>
  JSON.stringify([outcome, reason, deliveryType, nextHopDomain, deliveryGroup, connector]);

const destinationKey = (destination: Destination): string =>
  JSON.stringify(destination.kind === 'refused' ? destination.reason : destination);

/** Where a message goes from a server's own place: one next hop for each set of recipients that can leave together. */
export function routeServerMail(question: ServerMailQuestion): Decision {
  const resolved = resolveRecipients(question.topology, question.directory, question.server.name, question.to);
  const hops = new Map<string, NextHop>();
  const groups = new Map<string, { hop: NextHop; recipients: ResolvedRecipient[] }>();
  for (const recipient of resolved) {
    const key = destinationKey(recipient.destination);
    const hop = hops.get(key) ?? hopTo(question, recipient.destination);
    hops.set(key, hop);
    const group = groups.get(keyOf(hop)) ?? { hop, recipients: [] };
    group.recipients.push(recipient);
    groups.set(keyOf(hop), group);
  }
  const routes = [...groups.values()].map(({ hop, recipients }) => answerOf(hop, recipients));
  const [first] = routes;
  if (!first) {
    const trace = [{ rule: 'recipient/none', detail: 'no recipient is left after expansion' }];
    return decide('discard', 'no-recipient', trace);
  }
  return routes.length > 1 ? { ...first, routes } : first;
}

function answerOf(hop: NextHop, recipients: readonly ResolvedRecipient[]): Decision {
  const { outcome, reason, trace, ...rest } = hop;
  const seen = new Set<string>();
  const steps = recipients
    .flatMap((recipient) => recipient.trace)
    .filter(({ rule, detail }) => !seen.has(`${rule} ${detail}`) && seen.add(`${rule} ${detail}`));
  return decide(outcome, reason, [...steps, ...trace], {
    ...rest,
    recipients: recipients.map((each) => judged(hop, each)),
  });
}

function judged(
  { outcome, reply }: NextHop,
  { address, class: kind, destination }: ResolvedRecipient,
): RecipientDecision {
  const database = destination.kind === 'database' ? destination.database : null;
  const verdict = outcome === 'reject' ? 'reject' : 'accept';
  return { address, class: kind, database, considered: true, verdict, reply: verdict === 'reject' ? reply : null };
}
