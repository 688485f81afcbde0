import { networkInterfaces } from 'node:os';
import { createServerMemory } from '../health/server-memory.js';
import type { Logger } from '../observability/log.js';
import type { ProtocolLog } from '../observability/protocol-log.js';
import { createHostFinder } from '../session/outbound/find-hosts.js';
import { createMtaSts, type MtaStsOptions } from '../session/outbound/mta-sts.js';
import { memoryKey } from '../session/outbound/open-at-host.js';
import { createOutbound, type Outbound, type OutboundParts } from '../session/outbound/outbound.js';
import { createOutboundConnections } from '../session/outbound/outbound-connections.js';
import { nameServersOf } from '../session/outbound/outbound-host.js';
import { createResolvers } from './resolvers.js';
import { createTurns } from './rotation.js';

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
    resolverOf: (connector, topology) => resolverFor(nameServersOf(connector, topology)),
  };
}

const localAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address));
