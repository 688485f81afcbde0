import { connectorsOf } from '../../routing/receive-connectors.js';
import type { Server } from '../../topology/catalogue/catalogue.js';
import { parseBinding } from '../../topology/formats.js';
import { domainKey } from '../../topology/mail-address.js';
import { canonicalAddress, isAddress } from '../../topology/ranges.js';
import { isFrontEnd, type Topology } from '../../topology/topology.js';
import type { Snapshot } from '../door-services.js';

/** The SMTP doors of the estate's front ends, so that mail is not handed to ourselves. */
export interface OwnDoors {
  isDoor(address: string, port: number): boolean;
  /** Whether a front end is named so and has a door of that port. */
  isDoorName(name: string, port: number): boolean;
  /** Whether a front end is named so, or greets so. */
  isOwnName(name: string): boolean;
}

/** What the topology alone says of the doors, seen from one front end. */
interface StatedDoors {
  /** `10.0.0.1 25` */
  readonly exact: ReadonlySet<string>;
  /** Ports at which the front end listens on every address of a family. */
  readonly wildcards: Readonly<Record<'ipv4' | 'ipv6', ReadonlySet<number>>>;
  /** `cas1.contoso.com 25` */
  readonly named: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
}

const read = new WeakMap<Server, { readonly topology: Topology; readonly stated: StatedDoors }>();

/** `localAddresses`: of this host in canonical text, for wildcards. */
export function findOwnDoors(snapshot: Snapshot, localAddresses: () => ReadonlySet<string>): OwnDoors {
  const { exact, wildcards, named, names } = statedDoors(snapshot);
  return {
    isDoor(given, port) {
      const address = reachedAddress(canonicalAddress(given));
      if (exact.has(`${address} ${port}`)) return true;
      if (!wildcards[address.includes(':') ? 'ipv6' : 'ipv4'].has(port)) return false;
      return isLoopback(address) || localAddresses().has(address);
    },
    isDoorName: (name, port) => named.has(`${name.toLowerCase()} ${port}`),
    isOwnName: (name) => names.has(name.toLowerCase()),
  };
}

/** Connecting to the unspecified address reaches this host. */
function reachedAddress(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}

const isLoopback = (address: string): boolean => address === '::1' || /^127\.[0-9.]+$/.test(address);

function statedDoors({ topology, frontEnd }: Snapshot): StatedDoors {
  const known = read.get(frontEnd);
  if (known?.topology === topology) return known.stated;
  const stated = readDoors(topology, frontEnd);
  read.set(frontEnd, { topology, stated });
  return stated;
}

function readDoors(topology: Topology, here: Server): StatedDoors {
  const exact = new Set<string>();
  const wildcards = { ipv4: new Set<number>(), ipv6: new Set<number>() };
  const named = new Set<string>();
  const names = new Set<string>();
  const addName = (name: string | null): void => {
    const key = name === null ? undefined : domainKey(name);
    if (key !== undefined) names.add(key);
  };
  for (const connector of topology.sendConnectors) addName(connector.heloName);
  for (const server of topology.servers.filter(isFrontEnd)) {
    const isHere = server.name === here.name;
    const host = hostOf(server);
    if (!isAddress(host)) addName(host);
    for (const { address, port } of bindingsOf(topology, server)) {
      if (isAddress(host)) exact.add(`${host} ${port}`);
      else named.add(`${host} ${port}`);
      // The loopback addresses of another host are not those that are reached from here.
      if (address !== '0.0.0.0' && address !== '::') {
        if (isHere || !isLoopback(address)) exact.add(`${address} ${port}`);
      } else if (isHere) wildcards[address === '::' ? 'ipv6' : 'ipv4'].add(port);
    }
  }
  return { exact, wildcards, named, names };
}

function hostOf({ host }: Server): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return isAddress(bare) ? canonicalAddress(bare) : (domainKey(bare) ?? bare.toLowerCase());
}

function bindingsOf(topology: Topology, server: Server): Array<{ address: string; port: number }> {
  return connectorsOf(topology, server).flatMap(({ bindings }) =>
    bindings.flatMap((text) => {
      const binding = parseBinding(text);
      return binding ? [{ address: canonicalAddress(binding.host), port: binding.port }] : [];
    }),
  );
}
