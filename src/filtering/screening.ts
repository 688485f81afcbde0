import type { Filters } from '../topology/catalogue/catalogue.js';
import type { DnsAnswer, Resolver } from '../topology/resolver.js';
import type { Screening } from '../topology/screening.js';
import { AgentChain } from './agent-chain.js';
import { builtInAgents } from './built-in-agents.js';
import type { DnsAnswers } from './connection-filter.js';
import { screeningOf } from './pending-screening.js';
import { isPromise } from './when-known.js';

/** The screening, or the name that must be looked up before it is complete. */
export type ScreeningStep =
  | { readonly kind: 'ready'; readonly screening: Screening }
  | { readonly kind: 'look-up'; readonly name: string };

/**
 * Screens a client by the built-in agents, with DNS answers that are there already. `clientAddress` null: the address
 * is not part of the question; `answers` null: providers are not asked. SPF, which takes more than addresses, is left out.
 */
export function createScreening(
  filters: Filters,
  clientAddress: string | null,
  nowMs: number,
  answers: DnsAnswers | null,
  internalSmtpServers: readonly string[] = [],
): ScreeningStep {
  const missing: string[] = [];
  const resolver: Resolver = {
    addresses(name): DnsAnswer {
      const known = answers?.get(name);
      if (known === undefined) missing.push(name);
      return known ?? { kind: 'nxdomain' };
    },
  };
  const asked = answers === null ? { ...filters, allowProviders: [], blockProviders: [] } : filters;
  const agents = builtInAgents({ filters: asked, internalSmtpServers, resolver, checkSpf: null, nowMs: () => nowMs });
  const session = {
    id: '',
    connector: '',
    clientAddress: clientAddress ?? '',
    helo: null,
    isSecure: false,
    from: null,
    recipients: [],
  };
  const chain = new AgentChain(agents, session, () => undefined);
  if (clientAddress !== null && isPromise(chain.connect())) throw new Error('an answer that is there was waited for');
  const [name] = missing;
  return name === undefined ? { kind: 'ready', screening: screeningOf(chain, filters) } : { kind: 'look-up', name };
}
