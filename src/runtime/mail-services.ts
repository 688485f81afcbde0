import { join } from 'node:path';
import { builtInAgents } from '../filtering/built-in-agents.js';
import type { ProtocolAgent } from '../filtering/protocol-agent.js';
import type { DnsResolver } from '../net/dns-resolver.js';
import { type Counters, createCounters } from '../observability/counters.js';
import type { Logger } from '../observability/log.js';
import { openProtocolLog, type ProtocolLog } from '../observability/protocol-log.js';
import type { FileTrouble } from '../observability/rotated-file.js';
import { openTracking } from '../observability/tracking.js';
import type { Snapshot } from '../session/door-services.js';
import type { SmtpServices } from '../session/smtp/smtp-services.js';
import { createSpfChecker } from '../session/smtp/spf-checker.js';
import { trackingFolder } from '../settings.js';
import type { Topology } from '../topology/topology.js';
import { createAgentLoader } from './load-agents.js';
import { createResolvers } from './resolvers.js';

/** What the SMTP door has beside what every door has. */
export interface MailServices extends Pick<SmtpServices, 'agentsOf' | 'tracking' | 'protocolLog' | 'count'> {
  readonly counters: Counters;
  /** Of the conversations with hosts outside. */
  readonly sendLog: Pick<ProtocolLog, 'session'>;
  /** Loads the administrator's agents of the estate in force; what could not be loaded, a line each. */
  load(snapshot: Snapshot): Promise<readonly string[]>;
  /** Writes out what the logs still hold. */
  close(): Promise<void>;
}

/** Logs, counters and protocol agents of a runtime. */
export function createMailServices(storePath: string, folder: string, log: Logger): MailServices {
  const nowMs = Date.now;
  const onTrouble = (trouble: FileTrouble): void => log.error({ ...trouble }, 'trouble with a log');
  const tracking = openTracking(trackingFolder(storePath), { nowMs, onTrouble });
  const protocolLog = openProtocolLog('receive', join(folder, 'log', 'receive'), { nowMs, onTrouble });
  const sendLog = openProtocolLog('send', join(folder, 'log', 'send'), { nowMs, onTrouble });
  const counters = createCounters();
  const loader = createAgentLoader(nowMs);
  let own: readonly ProtocolAgent[] = [];
  let known = new WeakMap<Topology, readonly ProtocolAgent[]>();
  const resolverFor = createResolvers();
  let newest: { readonly signature: string; readonly agents: readonly ProtocolAgent[] } | null = null;
  const agentsOf = (topology: Topology): readonly ProtocolAgent[] => {
    const before = known.get(topology);
    if (before !== undefined) return before;
    // A revision that changes nothing here leaves the agents, and the sessions that were judged by them, alone.
    const { filters, organization } = topology;
    const signature = JSON.stringify([filters, organization]);
    if (newest?.signature !== signature) {
      newest = { signature, agents: [...builtIn(topology, resolverFor(organization.resolvers), nowMs), ...own] };
    }
    known.set(topology, newest.agents);
    return newest.agents;
  };
  return {
    tracking,
    protocolLog,
    sendLog,
    counters,
    count: (name, labels) => counters.count(name, labels),
    agentsOf,
    async load({ topology }) {
      const { agents, problems } = await loader.load(topology.filters.agents);
      const isSame = agents.length === own.length && agents.every((agent, index) => agent === own[index]);
      if (!isSame) {
        own = agents;
        known = new WeakMap();
        newest = null;
      }
      return problems;
    },
    async close() {
      await Promise.all([tracking.close(), protocolLog.close(), sendLog.close()]);
    },
  };
}

function builtIn(topology: Topology, dns: DnsResolver, nowMs: () => number): readonly ProtocolAgent[] {
  const { filters, organization } = topology;
  const { internalSmtpServers, defaultDomain } = organization;
  const checkSpf = createSpfChecker({
    resolve: (name, type) => dns.resolve(name, type),
    hostName: defaultDomain ?? 'localhost',
  });
  return builtInAgents({ filters, internalSmtpServers, resolver: dns, checkSpf, nowMs });
}
