import type { Socket } from 'node:net';
import { connectorsOf, selectReceiveConnector } from '../../routing/receive-connectors.js';
import type { ReceiveConnector } from '../../topology/catalogue/catalogue.js';
import { parseBinding } from '../../topology/formats.js';
import { canonicalAddress } from '../../topology/ranges.js';
import { admitConnection, type ClientConnection } from '../admit-connection.js';
import type { Snapshot } from '../door-services.js';

/** A connection and the receive connector that takes it, if any does. */
export interface AdmittedClient {
  readonly client: ClientConnection;
  readonly connector: ReceiveConnector | undefined;
}

/** Reads the PROXY header where the connectors of the socket's own address want one, then chooses among them. */
export async function admitClient(socket: Socket, { topology, frontEnd }: Snapshot): Promise<AdmittedClient> {
  const here = connectorsOf(topology, frontEnd).filter((connector) => isBoundTo(connector, socket));
  const proxyPeers = here.flatMap((connector) => connector.proxyPeers);
  const client = await admitConnection(socket, proxyPeers);
  const { localAddress, localPort: port, clientAddress } = client;
  const place = { frontEnd, port, clientAddress };
  // The address that a balancer names need not be one of ours; where none is bound to it, our own decides.
  const connector =
    selectReceiveConnector(topology, { ...place, localAddress }) ??
    selectReceiveConnector(topology, { ...place, localAddress: canonicalAddress(socket.localAddress ?? '') });
  return { client, connector };
}

function isBoundTo(connector: ReceiveConnector, { localAddress = '', localPort }: Socket): boolean {
  const local = canonicalAddress(localAddress);
  return connector.bindings.some((text) => {
    const binding = parseBinding(text);
    if (binding === undefined || binding.port !== localPort) return false;
    const host = canonicalAddress(binding.host);
    return host === '0.0.0.0' || host === '::' || host === local;
  });
}
