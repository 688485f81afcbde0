import { onTestFinished } from 'vitest';
import { createDnsResolver, type DnsResolver } from '../../../src/net/dns-resolver.js';
import { describeReply } from '../../../src/protocols/smtp/replies.js';
import { createHostFinder, type HostFinderOptions } from '../../../src/session/outbound/find-hosts.js';
import { type FoundHosts, hostWords } from '../../../src/session/outbound/outbound-host.js';
import type { EstateParts } from '../../routing/build-estate.js';
import { buildEstate } from '../../routing/build-estate.js';
import { type DnsZone, startDnsServer, type TestDnsServer } from '../../support/dns-server.js';

type Connector = NonNullable<EstateParts['sendConnectors']>[number];

export interface FindSetup {
  readonly zone?: DnsZone;
  readonly connector?: Connector;
  readonly estate?: EstateParts;
  readonly options?: Partial<HostFinderOptions>;
  /** Whether the estate names the test's name server; default true. */
  readonly withResolvers?: boolean;
}

export interface FindStage {
  readonly dns: TestDnsServer;
  readonly find: (domain?: string) => Promise<FoundHosts>;
  /** The hosts, or the reply. */
  readonly words: (domain?: string) => Promise<string>;
}

/** A front end CAS1 at 0.0.0.0:25 whose host is this one, and a neighbour CAS2 at 198.51.100.2. */
export async function findStage(setup: FindSetup = {}): Promise<FindStage> {
  const { zone = {}, connector = {}, estate = {}, options = {}, withResolvers = true } = setup;
  const dns = await startDnsServer(zone);
  onTestFinished(() => dns.close());
  const { topology, directory } = buildEstate({
    organization: { resolvers: withResolvers ? [dns.address] : [] },
    sites: [{ name: 'A' }],
    servers: [
      { name: 'CAS1', host: 'cas1.contoso.com', site: 'A', roles: ['frontend'] },
      { name: 'CAS2', host: '198.51.100.2', site: 'A', roles: ['frontend'] },
      { name: 'MBX1', host: 'mbx1.contoso.com', site: 'A' },
    ],
    receiveConnectors: [{ name: 'Default', bindings: ['0.0.0.0:25', '[::]:25'] }],
    sendConnectors: [{ name: 'Internet', sources: ['MBX1'], heloName: 'mail.contoso.com', ...connector }],
    ...estate,
  });
  const resolvers = new Map<string, DnsResolver>();
  const resolverFor = (servers: readonly string[]): DnsResolver => {
    const key = servers.join(' ');
    // What asks the system's servers asks the test's.
    const given = servers.length > 0 ? servers : [dns.address];
    const resolver = resolvers.get(key) ?? createDnsResolver({ servers: given, timeoutMs: 300, tries: 1 });
    resolvers.set(key, resolver);
    return resolver;
  };
  const turns = new Map<string, number>();
  const rotate = <T>(key: string, items: readonly T[]): readonly T[] => {
    const turn = turns.get(key) ?? 0;
    turns.set(key, turn + 1);
    const first = turn % Math.max(1, items.length);
    return [...items.slice(first), ...items.slice(0, first)];
  };
  const finder = createHostFinder({
    resolverFor,
    rotate,
    random: () => 0.999,
    localAddresses: () => ['203.0.113.1', '2001:db8:1::1'],
    isFailing: () => false,
    ...options,
  });
  const [chosen] = topology.sendConnectors;
  const frontEnd = topology.server('CAS1');
  if (chosen === undefined || frontEnd === undefined) throw new Error('the estate has no connector or no CAS1');
  const find = (domain = 'example.net'): Promise<FoundHosts> =>
    finder.find({ connector: chosen, domain, snapshot: { topology, directory, frontEnd } });
  return { dns, find, words: async (domain) => wordsOf(await find(domain)) };
}

export function wordsOf(found: FoundHosts): string {
  return found.kind === 'hosts' ? found.hosts.map(hostWords).join(', ') : describeReply(found.reply);
}

export const traceOf = (found: FoundHosts): string =>
  found.trace.map(({ rule, detail }) => `${rule}: ${detail}`).join('\n');
