import { hostname } from 'node:os';
import { UsherError } from '../errors.js';
import { downServers } from '../routing/availability.js';
import { requestUrl } from '../routing/client-hints.js';
import type { ClientProtocol } from '../routing/client-protocols.js';
import { clientProtocols, serviceOfPath } from '../routing/client-protocols.js';
import type { Decision } from '../routing/decision.js';
import { routeClient } from '../routing/route-client.js';
import type { Store } from '../store/store.js';
import { chooseFrontEnd, requireServers } from '../topology/choose-front-end.js';
import type { Directory } from '../topology/directory.js';
import { didYouMean } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import { buildTopology } from '../topology/topology.js';

/** The estate that a question is asked about. */
export interface Estate {
  readonly topology: Topology;
  readonly directory: Directory;
}

export interface PlaceOfQuestion {
  readonly on: string | undefined;
  readonly down: readonly string[];
}

export interface ClientFlags extends PlaceOfQuestion {
  readonly protocol: string;
  readonly user: string | undefined;
  readonly url: string | undefined;
  readonly headers: readonly string[];
}

/** A decision with the revision of the estate that it was made on. */
export type Answer = { readonly revision: number } & Decision;

/** The stored estate, or as it was at an older revision. */
export function storedEstate(store: Store, revision: number | undefined): Estate {
  if (revision === undefined) {
    const { revision: head, objects } = store.topology();
    return { topology: buildTopology(head, objects), directory: store.directory };
  }
  const head = store.revision();
  if (revision > head || revision < 0) {
    throw new UsherError('missing', 'not-found', `there is no revision ${revision}; the newest is ${head}`);
  }
  const past = store.at(revision);
  return { topology: buildTopology(past.revision, past.objects), directory: past.directory };
}

/** A flag whose value cannot be read. */
export function badFlag(flag: string, value: string, expected: string): UsherError {
  return new UsherError('usage', 'usage', `--${flag} takes ${expected}, found "${value}"`);
}

export function testClientRouting({ topology, directory }: Estate, flags: ClientFlags): Answer {
  const protocol = clientProtocols.find((known) => known === flags.protocol.toLowerCase());
  if (!protocol)
    throw badFlag(
      'protocol',
      flags.protocol,
      `one of ${clientProtocols.join(', ')}${didYouMean(flags.protocol, clientProtocols)}`,
    );
  if (flags.url !== undefined && !requestUrl(flags.url)) throw badFlag('url', flags.url, 'a URL or a path');
  requireServers(topology, flags.down);
  const decision = routeClient({
    topology,
    directory,
    frontEnd: chooseFrontEnd(topology, flags.on, hostname()),
    availability: downServers(flags.down),
    protocol: protocolOfUrl(protocol, flags.url),
    user: flags.user ?? null,
    url: flags.url ?? null,
    headers: new Map(flags.headers.map(readHeader)),
  });
  return { revision: topology.revision, ...decision };
}

/** The path decides, as it does at the door; the flag where the path belongs to no service. */
function protocolOfUrl(protocol: ClientProtocol, url: string | undefined): ClientProtocol {
  if (url === undefined || protocol === 'imap' || protocol === 'pop') return protocol;
  return serviceOfPath(requestUrl(url)?.pathname ?? '') ?? protocol;
}

function readHeader(line: string): [string, string] {
  const colon = line.indexOf(':');
  if (colon < 1) throw badFlag('header', line, '"Name: value"');
  return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
}
