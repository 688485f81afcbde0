import { networkInterfaces } from 'node:os';
import { createServerMemory } from '../health/server-memory.js';
import { createDnsResolver, type DnsResolver } from '../net/dns-resolver.js';
import type { Logger } from '../observability/log.js';
import type { ProtocolLog } from '../observability/protocol-log.js';
import { createHostFinder } from '../session/outbound/find-hosts.js';
import { createMtaSts, type MtaStsOptions } from '../session/outbound/mta-sts.js';
import { memoryKey } from '../session/outbound/open-at-host.js';
import { createOutbound, type Outbound, type OutboundParts } from '../session/outbound/outbound.js';
import { createOutboundConnections } from '../session/outbound/outbound-connections.js';
import { createTurns } from './rotation.js';

/** Sets of name servers whose answers are remembered. */
const resolversMax = 100;

/** The way out of a front end: its hosts, connections and what is remembered of both. */
export function createOutboundParts(log: Logger, protocolLog: Pick<ProtocolLog, 'session'>): Outbound {
  return createOutbound({ ...createHostParts(log), connections: createOutboundConnections(), protocolLog, log });
}

/** What finds the hosts of a connector, and what they demand. */
export function createHostParts(
  log: MtaStsOptions['log'],
): Pick<OutboundParts, 'finder' | 'memory' | 'mtaSts' | 'resolverOf'> {
  const resolverFor = createResolvers();
  const memory = createServerMemory(() => performance.now());
  const turn = createTurns();
  const finder = createHostFinder({
    resolverFor,
    rotate: turn,
    random: Math.random,
    localAddresses,
    isFailing: (host) => memory.isFailing(memoryKey(host)),
  });
  return {
    finder,
    memory,
    mtaSts: createMtaSts({ nowMs: Date.now, log }),
    resolverOf: ({ resolvers }, { organization }) =>
      resolverFor(resolvers.length > 0 ? resolvers : organization.resolvers),
  };
}

const localAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address));

/** One resolver for the same name servers, so that it remembers. */
function createResolvers(): (servers: readonly string[]) => DnsResolver {
  const resolvers = new Map<string, DnsResolver>();
  return (servers) => {
    const key = servers.join(' ');
    const known = resolvers.get(key);
    if (known !== undefined) return known;
    if (resolvers.size >= resolversMax) resolvers.clear();
    const made = createDnsResolver({ servers });
    resolvers.set(key, made);
    return made;
  };
}
