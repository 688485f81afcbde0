import { builtInAgents } from '../filtering/built-in-agents.js';
import { pass } from '../filtering/filter-verdict.js';
import type { Awaitable, MessageVerdict, ProtocolAgent } from '../filtering/protocol-agent.js';
import type { SpfResult } from '../filtering/spf-filter.js';
import { whenKnown } from '../filtering/when-known.js';
import type { DnsAnswer } from '../topology/resolver.js';
import type { Topology } from '../topology/topology.js';

/** What an agent said at an event, `pass` too. */
export interface AgentSaid {
  readonly agent: string;
  readonly event: 'connect' | 'hello' | 'mail' | 'recipient' | 'message';
  /** The address that was asked about. */
  readonly about: string;
  readonly verdict: MessageVerdict['kind'];
  readonly why: string | null;
}

/** What the agents get instead of the network's word; null: they are not asked. */
export interface GivenAnswers {
  readonly dns: ReadonlyMap<string, DnsAnswer> | null;
  readonly spf: SpfResult | null;
}

/** The agents of the door that need nothing but an estate and answers. What they say goes to `keep`. */
export function watchedAgents(
  { filters, organization }: Topology,
  { dns, spf }: GivenAnswers,
  keep: (said: AgentSaid) => void,
): readonly ProtocolAgent[] {
  const nowMs = Date.now();
  const agents = builtInAgents({
    filters: dns === null ? { ...filters, allowProviders: [], blockProviders: [] } : filters,
    internalSmtpServers: organization.internalSmtpServers,
    resolver: { addresses: (name) => dns?.get(name) ?? { kind: 'nxdomain' } },
    checkSpf: spf === null ? null : async () => spf,
    nowMs: () => nowMs,
  });
  return agents.map((agent) => watched(agent, keep));
}

/** Filters of the estate that a question without network and without a front end leaves out, and why. */
export function agentsNotAsked(
  { filters }: Topology,
  { dns, spf }: GivenAnswers,
): readonly { readonly name: string; readonly why: string }[] {
  const off = (['connection', 'sender', 'recipient'] as const)
    .filter((name) => !filters.enabled[name])
    .map((name) => ({ name, why: 'switched off' }));
  const isAsked = dns !== null || !filters.enabled.connection;
  const providers = [...filters.allowProviders, ...filters.blockProviders].filter(({ enabled }) => enabled && !isAsked);
  const own = filters.agents.filter(({ enabled }) => enabled);
  return [
    ...off,
    ...providers.map(({ name }) => ({ name, why: 'a DNS list; give what it answers with --dns' })),
    ...(filters.enabled.spf && spf === null ? [{ name: 'spf', why: 'give its result with --spf' }] : []),
    ...own.map(({ name }) => ({ name, why: 'an agent of your own; it runs at the front end only' })),
  ];
}

function watched(agent: ProtocolAgent, keep: (said: AgentSaid) => void): ProtocolAgent {
  const heard = <V extends MessageVerdict>(
    event: AgentSaid['event'],
    about: string,
    answer: Awaitable<V> | undefined,
  ): Awaitable<V | typeof pass> =>
    whenKnown<V | typeof pass, V | typeof pass>(answer ?? pass, (verdict) => {
      const why = verdict.kind === 'pass' ? null : verdict.why;
      keep({ agent: agent.name, event, about, verdict: verdict.kind, why });
      return verdict;
    });
  return {
    name: agent.name,
    priority: agent.priority,
    ...(agent.connect && {
      connect: (session) => heard('connect', session.clientAddress, agent.connect?.(session)),
    }),
    ...(agent.hello && { hello: (session) => heard('hello', session.helo ?? '', agent.hello?.(session)) }),
    ...(agent.mail && { mail: (session, from) => heard('mail', from || '<>', agent.mail?.(session, from)) }),
    ...(agent.recipient && {
      recipient: (session, recipient) => heard('recipient', recipient.key, agent.recipient?.(session, recipient)),
    }),
    ...(agent.message && {
      message: (session, message) => heard('message', message.recipients.join(', '), agent.message?.(session, message)),
    }),
  };
}
