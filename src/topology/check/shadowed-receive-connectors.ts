import type { ReceiveConnector, Server } from '../catalogue/catalogue.js';
import { parseBinding } from '../formats.js';
import type { AddressRange } from '../ranges.js';
import { canonicalAddress, parseRange, rangeSize } from '../ranges.js';
import type { Topology } from '../topology.js';
import { isFrontEnd } from '../topology.js';
import { belongsTo } from './doors.js';
import type { Finding } from './finding.js';
import { warningOf } from './finding.js';
import { namesText } from './reach.js';

/** One remote range of a connector at one of its bindings: clients that it may be chosen for. */
interface Claim {
  readonly connector: ReceiveConnector;
  /** Address and port in their canonical form. */
  readonly binding: string;
  readonly range: AddressRange;
  readonly size: bigint;
}

const warning = warningOf('receive-connector');

/** Enabled receive connectors that no client can reach, and the connectors that are chosen instead. */
export function checkShadowedReceiveConnectors(topology: Topology): Finding[] {
  const enabled = topology.receiveConnectors.filter((connector) => connector.enabled);
  const claimsOf = new Map(enabled.map((connector) => [connector, readClaims(connector)]));
  const places = topology.servers.filter(isFrontEnd).map((frontEnd) => claimsByBinding(frontEnd, claimsOf));
  return enabled.flatMap((connector) => {
    const claims = claimsOf.get(connector) ?? [];
    if (claims.length === 0) return checkFamilies(connector);
    const winners = new Set<ReceiveConnector>();
    const own = places.filter((place) => place.connectors.has(connector));
    const isShadowed = own.length > 0 && own.every((place) => claims.every((claim) => isLost(claim, place, winners)));
    if (!isShadowed) return [];
    const message = `can never be chosen: smaller remote ranges of ${namesText([...winners])} take every client of its own; widen its remoteRanges, or delete it`;
    return [warning(connector.name, ['remoteRanges'], 'receive-connector-shadowed', message)];
  });
}

/** Connectors without a range that a client at one of their bindings could come from. */
function checkFamilies(connector: ReceiveConnector): Finding[] {
  if (connector.bindings.length === 0) return [];
  const message =
    connector.remoteRanges.length === 0
      ? 'can never be chosen: it has no remote range; add one to remoteRanges'
      : 'can never be chosen: none of its remote ranges is of the address family (IPv4 or IPv6) of one of its bindings';
  return [warning(connector.name, ['remoteRanges'], 'receive-connector-without-clients', message)];
}

/** Clients and the address they connect to are of one family. */
function readClaims(connector: ReceiveConnector): Claim[] {
  const ranges = connector.remoteRanges.flatMap((text) => parseRange(text) ?? []);
  return connector.bindings.flatMap((text) => {
    const binding = parseBinding(text);
    if (!binding) return [];
    const host = canonicalAddress(binding.host);
    const family = host.includes(':') ? 'ipv6' : 'ipv4';
    return ranges
      .filter((range) => range.family === family)
      .map((range) => ({ connector, binding: `${host} ${binding.port}`, range, size: rangeSize(range) }));
  });
}

interface Place {
  readonly connectors: ReadonlySet<ReceiveConnector>;
  /** The claims at each binding, by the first address of their ranges. */
  readonly claims: ReadonlyMap<string, readonly Claim[]>;
}

const byFirstAddress = ({ range: a }: Claim, { range: b }: Claim): number =>
  a.first < b.first ? -1 : a.first > b.first ? 1 : 0;

function claimsByBinding(frontEnd: Server, claimsOf: ReadonlyMap<ReceiveConnector, readonly Claim[]>): Place {
  const connectors = [...claimsOf.keys()].filter((connector) => belongsTo(connector, frontEnd));
  const claims = new Map<string, Claim[]>();
  for (const claim of connectors.flatMap((connector) => claimsOf.get(connector) ?? [])) {
    const known = claims.get(claim.binding);
    if (known) known.push(claim);
    else claims.set(claim.binding, [claim]);
  }
  for (const list of claims.values()) list.sort(byFirstAddress);
  return { connectors: new Set(connectors), claims };
}

/** Whether smaller ranges of others hold the whole range of a claim; those others are added to the winners. */
function isLost({ connector, binding, range, size }: Claim, place: Place, winners: Set<ReceiveConnector>): boolean {
  let next = range.first;
  for (const rival of place.claims.get(binding) ?? []) {
    if (rival.connector === connector || rival.size >= size || rival.range.last < next) continue;
    if (rival.range.first > next) return false;
    winners.add(rival.connector);
    next = rival.range.last + 1n;
    if (next > range.last) return true;
  }
  return false;
}
