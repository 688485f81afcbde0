import type { ReceiveConnector, Server } from '../topology/catalogue/catalogue.js';
import { parseBinding } from '../topology/formats.js';
import { compareNames, nameKey } from '../topology/names.js';
import type { AddressRange } from '../topology/ranges.js';
import { canonicalAddress, parseRange, rangeSize, singleAddress } from '../topology/ranges.js';
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

/** A connector's bindings and ranges as they are compared; the smallest range comes first. */
interface ReadConnector {
  readonly bindings: ReadonlyArray<{ readonly host: string; readonly port: number }>;
  readonly ranges: readonly ReadRange[];
}

/** Ends that compare quickly: IPv4 addresses as numbers, the others do not fit into one. */
interface ReadRange {
  readonly family: AddressRange['family'];
  readonly first: number | bigint;
  readonly last: number | bigint;
  readonly size: bigint;
}

function readRange(range: AddressRange): ReadRange {
  const { family, first, last } = range;
  const size = rangeSize(range);
  return family === 'ipv4' ? { family, first: Number(first), last: Number(last), size } : { family, first, last, size };
}

const readConnectors = new WeakMap<ReceiveConnector, ReadConnector>();

/** Read once for each connector of a topology, not for each connection. */
function readConnector(connector: ReceiveConnector): ReadConnector {
  const known = readConnectors.get(connector);
  if (known) return known;
  const bindings = connector.bindings.flatMap((text) => {
    const binding = parseBinding(text);
    return binding ? [{ host: canonicalAddress(binding.host), port: binding.port }] : [];
  });
  const ranges = connector.remoteRanges
    .flatMap((text) => parseRange(text) ?? [])
    .map(readRange)
    .sort((a, b) => compareSizes(a.size, b.size));
  const read = { bindings, ranges };
  readConnectors.set(connector, read);
  return read;
}

function boundTo(connector: ReceiveConnector, place: ConnectionPlace): Candidate[] {
  const { bindings, ranges } = readConnector(connector);
  const here = bindings.filter((binding) => binding.port === place.port);
  const size = here.length === 0 ? undefined : rangeFor(ranges, place.clientAddress);
  if (size === undefined) return [];
  if (place.localAddress === null) return here.map(() => ({ connector, exactAddress: false, size }));
  const local = canonicalAddress(place.localAddress);
  // A wildcard stands for the addresses of its own family.
  const wildcard = local.includes(':') ? '::' : '0.0.0.0';
  return here
    .filter(({ host }) => host === local || host === wildcard)
    .map(({ host }) => ({ connector, exactAddress: host === local, size }));
}

/** The size of the smallest range that holds the client, or of the widest one when no client is given. */
function rangeFor(ranges: ReadConnector['ranges'], client: string | null): bigint | undefined {
  if (client === null) return ranges.at(-1)?.size;
  const single = singleAddress(client);
  if (!single) return undefined;
  const address = readRange(single);
  const holds = (range: ReadRange): boolean =>
    range.family === address.family && range.first <= address.first && address.first <= range.last;
  return ranges.find(holds)?.size;
}
