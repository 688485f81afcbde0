import type { AgentEvent } from './agent-answer.js';
import type { ProtocolAgent } from './protocol-agent.js';

/** The agents that care for each event, in the order in which they are asked. */
export type AgentsByEvent = Readonly<Record<AgentEvent, readonly ProtocolAgent[]>>;

const ordered = new WeakMap<readonly ProtocolAgent[], AgentsByEvent>();

/** Orders agents by priority, then by name; worked out once for a list. */
export function agentsByEvent(agents: readonly ProtocolAgent[]): AgentsByEvent {
  const known = ordered.get(agents);
  if (known) return known;
  const inOrder = agents.toSorted(
    (a, b) => a.priority - b.priority || (a.name < b.name ? -1 : Number(a.name > b.name)),
  );
  const at = (event: AgentEvent): readonly ProtocolAgent[] =>
    inOrder.filter((agent) => typeof agent[event] === 'function');
  const byEvent: AgentsByEvent = {
    connect: at('connect'),
    hello: at('hello'),
    mail: at('mail'),
    recipient: at('recipient'),
    message: at('message'),
    outcome: at('outcome'),
    disconnect: at('disconnect'),
  };
  ordered.set(agents, byEvent);
  return byEvent;
}
