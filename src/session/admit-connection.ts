import type { Socket } from 'node:net';
import { readProxyHeader } from '../net/read-proxy-header.js';
import type { ConnectionEnds } from '../net/write-proxy-header.js';
import { canonicalAddress, parseRange, rangeHolds } from '../topology/ranges.js';

/** The two ends of a client's connection, as the client sees them: through a balancer that sends PROXY headers too. */
export type ClientConnection = ConnectionEnds;

const headerTimeoutMs = 5000;

/** Whether an address is in one of the ranges. */
export function isListed(address: string, ranges: readonly string[]): boolean {
  return ranges.some((text) => {
    const range = parseRange(text);
    return range !== undefined && rangeHolds(range, address);
  });
}

/**
 * Who is at the other end. A listed peer must begin with a PROXY header, which is read here; from others nothing is
 * read, so that a header of theirs is an unknown command. Throws `ProxyHeaderFailure`.
 */
export async function admitConnection(socket: Socket, proxyPeers: readonly string[]): Promise<ClientConnection> {
  const direct = {
    clientAddress: canonicalAddress(socket.remoteAddress ?? ''),
    clientPort: socket.remotePort ?? 0,
    localAddress: canonicalAddress(socket.localAddress ?? ''),
    localPort: socket.localPort ?? 0,
  };
  if (proxyPeers.length === 0 || !isListed(direct.clientAddress, proxyPeers)) return direct;
  const { source, destination } = await readProxyHeader(socket, headerTimeoutMs);
  return {
    ...direct,
    ...(source && { clientAddress: canonicalAddress(source.address), clientPort: source.port }),
    ...(destination && { localAddress: canonicalAddress(destination.address) }),
  };
}
