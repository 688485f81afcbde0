import { connectorsOf } from '../routing/receive-connectors.js';
import type { Snapshot } from '../session/door-services.js';
import type { Listener } from '../topology/catalogue/catalogue.js';
import { belongsTo } from '../topology/check/doors.js';
import { parseBinding } from '../topology/formats.js';
import { canonicalAddress } from '../topology/ranges.js';

/** A listening socket that the estate asks for, and who answers at it. */
export interface WantedDoor {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly protocol: Listener['protocol'] | 'smtp';
  readonly transport: Listener['transport'];
  /** The listener, or the receive connectors that share the socket. */
  readonly owners: readonly string[];
}

/** `0.0.0.0:25`, `[::]:5060/udp`: ports of TCP and UDP are different ones. */
function addressText(host: string, port: number, transport: Listener['transport'] = 'tcp'): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}${transport === 'udp' ? '/udp' : ''}`;
}

/** What should listen at a front end, by address. A wildcard takes the connections of exact addresses of its port too. */
export function wantedDoors({ topology, frontEnd }: Snapshot): ReadonlyMap<string, WantedDoor> {
  const doors = new Map<string, WantedDoor>();
  for (const listener of topology.listeners.filter((listener) => belongsTo(listener, frontEnd))) {
    const binding = parseBinding(listener.bind);
    if (!binding) continue;
    const door = {
      host: canonicalAddress(binding.host),
      port: binding.port,
      protocol: listener.protocol,
      transport: listener.transport,
      owners: [listener.name],
    };
    const address = addressText(door.host, door.port, door.transport);
    doors.set(address, { ...door, address });
  }
  for (const door of connectorDoors({ topology, frontEnd })) doors.set(door.address, door);
  return doors;
}

function connectorDoors({ topology, frontEnd }: Pick<Snapshot, 'topology' | 'frontEnd'>): WantedDoor[] {
  const bindings = connectorsOf(topology, frontEnd).flatMap((connector) =>
    connector.bindings.flatMap((text) => {
      const binding = parseBinding(text);
      return binding ? [{ host: canonicalAddress(binding.host), port: binding.port, owner: connector.name }] : [];
    }),
  );
  const wildcardOf = (host: string): string => (host.includes(':') ? '::' : '0.0.0.0');
  const doors = new Map<string, WantedDoor>();
  for (const { host, port, owner } of bindings) {
    const wide = bindings.some((other) => other.port === port && other.host === wildcardOf(host));
    const socketHost = wide ? wildcardOf(host) : host;
    const address = addressText(socketHost, port);
    const owners = [...new Set([...(doors.get(address)?.owners ?? []), owner])];
    doors.set(address, { address, host: socketHost, port, protocol: 'smtp', transport: 'tcp', owners });
  }
  return [...doors.values()];
}
