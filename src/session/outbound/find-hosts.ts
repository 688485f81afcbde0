import { reasonOf } from '../../errors.js';
import type { DnsResolver } from '../../net/dns-resolver.js';
import { step } from '../../routing/decision.js';
import { canonicalAddress } from '../../topology/ranges.js';
import { findMailExchangers } from './find-mail-exchangers.js';
import { findOwnDoors } from './find-own-doors.js';
import { findReplies } from './find-replies.js';
import { findSmartHosts } from './find-smart-hosts.js';
import { createSystemAddresses, type SystemAddresses } from './find-system-addresses.js';
import {
  type FoundHosts,
  type HostFinder,
  type HostQuestion,
  hostWords,
  nameServersOf,
  type OutboundHost,
} from './outbound-host.js';

export interface HostFinderOptions {
  /** The resolver that asks these servers; none: the system's. The same one for the same servers, for it remembers. */
  readonly resolverFor: (servers: readonly string[]) => DnsResolver;
  /** Turns a list: each question of a key begins with the next item. */
  readonly rotate: <T>(key: string, items: readonly T[]) => readonly T[];
  /** From 0 to 1, without 1. */
  readonly random: () => number;
  /** The addresses of this host; asked once in five seconds at most. */
  readonly localAddresses: () => readonly string[];
  /** Whether an address did not answer lately: such are tried last. */
  readonly isFailing: (host: OutboundHost) => boolean;
  /** Default: the system's lookup, /etc/hosts included. Rejects as `dns.lookup` does. */
  readonly systemAddresses?: SystemAddresses;
}

const localAddressesKeptMs = 5000;

/** Finds hosts by the smart hosts of a connector, else by the domain's MX records. */
export function createHostFinder(options: HostFinderOptions): HostFinder {
  const { isFailing } = options;
  const systemAddresses = options.systemAddresses ?? createSystemAddresses();
  const localAddresses = remembered(
    () => new Set(options.localAddresses().map(canonicalAddress)),
    localAddressesKeptMs,
  );
  const ask = ({ connector, domain, snapshot }: HostQuestion): Promise<FoundHosts> => {
    const servers = nameServersOf(connector, snapshot.topology);
    const ownDoors = findOwnDoors(snapshot, localAddresses);
    if (connector.smartHosts.length > 0) {
      const resolver = servers.length > 0 ? options.resolverFor(servers) : null;
      const { rotate } = options;
      return findSmartHosts(connector, { resolver, systemAddresses, ownDoors, rotate, isFailing });
    }
    const { port, allowPrivateAddresses } = connector;
    return findMailExchangers(domain, {
      resolver: options.resolverFor(servers),
      random: options.random,
      port,
      rules: {
        isOwnName: (name) => ownDoors.isOwnName(name),
        isOwnAddress: (address) => ownDoors.isDoor(address, port),
        allowPrivateAddresses,
      },
    });
  };
  return {
    async find(question) {
      try {
        return failingLast(await ask(question), isFailing);
      } catch (error) {
        const trace = [step('outbound/fault', `looking for the hosts of ${question.domain}: ${reasonOf(error)}`)];
        return { kind: 'none', reply: findReplies.fault, trace };
      }
    },
  };
}

/** What did not answer lately comes last, in its order: to try it first would only take time. */
function failingLast(found: FoundHosts, isFailing: (host: OutboundHost) => boolean): FoundHosts {
  if (found.kind === 'none') return found;
  const failing = found.hosts.filter(isFailing);
  if (failing.length === 0) return found;
  const hosts = [...found.hosts.filter((host) => !failing.includes(host)), ...failing];
  const detail = `did not answer lately: ${failing.map(hostWords).join(', ')}`;
  return { kind: 'hosts', hosts, trace: [...found.trace, step('outbound/failing-last', detail)] };
}

function remembered<T>(ask: () => T, keptMs: number): () => T {
  let known: { readonly value: T; readonly untilMs: number } | null = null;
  return () => {
    const nowMs = performance.now();
    if (known === null || nowMs >= known.untilMs) known = { value: ask(), untilMs: nowMs + keptMs };
    return known.value;
  };
}
