import type { ReceiveConnector, Server } from '../topology/catalogue/catalogue.js';
import { parseBinding } from '../topology/formats.js';
import { compareNames, nameKey } from '../topology/names.js';
import { canonicalAddress, parseRange, rangeHolds, rangeSize } from '../topology/ranges.js';
import type { Topology } from '../topology/topology.js';

/** What is known of a connection when its receive connector is chosen. */
export interface ConnectionPlace {
  readonly frontEnd: Server;
  /** The address the client connected to; null: any. */
  readonly localAddress: string | null;
  readonly port: number;
  /** Null: the question is about strangers in general, and the widest range is meant. */
  readonly clientAddress: string | null;
}

interface Candidate {
  readonly connector: ReceiveConnector;
  readonly exactAddress: boolean;
  readonly size: bigint;
}

/**
 * The receive connector of a connection: enabled, bound to the address and port (an exact address before a wildcard),
 * with the smallest remote range that holds the client. Undefined when none takes it.
 */
export function selectReceiveConnector(topology: Topology, place: ConnectionPlace): ReceiveConnector | undefined {
  const bound = connectorsOf(topology, place.frontEnd).flatMap((connector) => boundTo(connector, place));
  const exact = bound.some((candidate) => candidate.exactAddress);
  const direction = place.clientAddress === null ? -1 : 1;
  return bound
    .filter((candidate) => candidate.exactAddress === exact)
    .sort((a, b) => direction * compareSizes(a.size, b.size) || compareNames(a.connector.name, b.connector.name))[0]
    ?.connector;
}

/** The enabled receive connectors of a front end. */
export function connectorsOf(topology: Topology, frontEnd: Server): ReceiveConnector[] {
  return topology.receiveConnectors.filter(
    ({ enabled, server }) => enabled && (server === null || nameKey(server) === nameKey(frontEnd.name)),
  );
}

const compareSizes = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

function boundTo(connector: ReceiveConnector, place: ConnectionPlace): Candidate[] {
  const size = rangeFor(connector, place.clientAddress);
  if (size === undefined) return [];
  return connector.bindings.flatMap((text): Candidate[] => {
    const binding = parseBinding(text);
    if (!binding || binding.port !== place.port) return [];
    if (place.localAddress === null) return [{ connector, exactAddress: false, size }];
    const [bound, local] = [canonicalAddress(binding.host), canonicalAddress(place.localAddress)];
    if (bound === local) return [{ connector, exactAddress: true, size }];
    // A wildcard stands for the addresses of its own family.
    return bound === (local.includes(':') ? '::' : '0.0.0.0') ? [{ connector, exactAddress: false, size }] : [];
  });
}

/** The size of the smallest range that holds the client, or of the widest one when no client is given. */
function rangeFor(connector: ReceiveConnector, client: string | null): bigint | undefined {
  const sizes = connector.remoteRanges
    .map((text) => parseRange(text))
    .filter((range) => range !== undefined && (client === null || rangeHolds(range, client)))
    .map((range) => (range ? rangeSize(range) : 0n));
  if (sizes.length === 0) return undefined;
  return sizes.reduce((best, size) => ((client === null) === size > best ? size : best));
}
