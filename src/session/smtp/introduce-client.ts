import { writeProxyHeader } from '../../net/write-proxy-header.js';
import type { XclientAttributes } from '../../protocols/smtp/xclient.js';
import type { Endpoint } from '../../topology/endpoints.js';
import type { ClientIdentity } from './open-server.js';

/** What an endpoint is told of a client: before all else, and after EHLO. */
export interface ClientIntroduction {
  readonly proxy: Buffer | null;
  readonly xclient: XclientAttributes | null;
}

/** The introduction that the endpoint asks for. */
export function introduceClient(endpoint: Endpoint, client: ClientIdentity): ClientIntroduction {
  const { address, port, localAddress, localPort, helo, protocol, user } = client;
  const ends = { clientAddress: address, clientPort: port, localAddress, localPort };
  const attributes: XclientAttributes = {
    name: null,
    address,
    port,
    protocol,
    helo,
    login: user,
    destinationAddress: localAddress,
    destinationPort: localPort,
  };
  return {
    proxy: endpoint.proxyProtocol === 'none' ? null : writeProxyHeader(endpoint.proxyProtocol, ends),
    xclient: endpoint.clientAddress === 'xclient' ? attributes : null,
  };
}

/** Whether connections to the endpoint say nothing of a client, so that one can serve many. */
export function isAnonymous(endpoint: Endpoint): boolean {
  return endpoint.proxyProtocol === 'none' && endpoint.clientAddress !== 'xclient';
}
