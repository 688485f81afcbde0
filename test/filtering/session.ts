import type { AgentReport } from '../../src/filtering/agent-chain.js';
import { AgentChain, type WaitLimit } from '../../src/filtering/agent-chain.js';
import { builtInAgents } from '../../src/filtering/built-in-agents.js';
import type { AgentMessage, AgentSession, ProtocolAgent } from '../../src/filtering/protocol-agent.js';
import type { SpfChecker } from '../../src/filtering/spf-filter.js';
import type { DnsAnswer, Resolver } from '../../src/topology/resolver.js';
import { answersOf, type Filters } from './filters-with.js';

/** A session as a door would describe it; its fields can be set. */
export type TestSession = { -readonly [K in keyof AgentSession]: AgentSession[K] };

export const sessionFrom = (clientAddress: string): TestSession => ({
  id: 's1',
  connector: 'Default Frontend',
  clientAddress,
  helo: 'client.example',
  isSecure: false,
  from: null,
  recipients: [],
});

export const messageTo = (recipients: readonly string[], ...received: readonly string[]): AgentMessage => ({
  from: 'kim@fabrikam.test',
  recipients,
  fields: [
    { name: 'Subject', value: 'hello' },
    ...received.map((value, index) => ({ name: index % 2 === 0 ? 'Received' : 'RECEIVED ', value })),
  ],
});

/** Records what is reported, as `agent event kind` or `agent event fault: why`. */
export function reportInto(lines: string[]): AgentReport {
  return (agent, event, { kind }, fault) => {
    lines.push(`${agent} ${event} ${fault === undefined ? kind : `fault: ${fault}`}`);
  };
}

export function chainOf(agents: readonly ProtocolAgent[], client = '198.51.100.7', within?: WaitLimit) {
  const lines: string[] = [];
  const session = sessionFrom(client);
  const chain = new AgentChain(agents, session, reportInto(lines), ...(within ? [within] : []));
  return { chain, session, lines };
}

/** A resolver that knows the answers at once, or later. */
export function resolverOf(answers: string, when: 'now' | 'later' = 'now'): Resolver & { readonly asked: string[] } {
  const known = answersOf(answers);
  const asked: string[] = [];
  return {
    asked,
    addresses(name) {
      asked.push(name);
      const answer: DnsAnswer = known.get(name) ?? { kind: 'nxdomain' };
      return when === 'now' ? answer : Promise.resolve(answer);
    },
  };
}

export interface BuiltInOptions {
  readonly internalSmtpServers?: readonly string[];
  readonly resolver?: Resolver;
  readonly checkSpf?: SpfChecker;
  readonly nowMs?: () => number;
}

export const builtInsOf = (filters: Filters, options: BuiltInOptions = {}): readonly ProtocolAgent[] =>
  builtInAgents({
    filters,
    internalSmtpServers: options.internalSmtpServers ?? [],
    resolver: options.resolver ?? resolverOf(''),
    checkSpf: options.checkSpf ?? null,
    nowMs: options.nowMs ?? (() => Date.parse('2026-06-15T12:00:00Z')),
  });

export const recipientOf = (key: string, primaryKey = key) => ({ key, primaryKey, known: true, domain: undefined });
