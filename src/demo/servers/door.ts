import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';

import { reasonOf, systemCodeOf, UsherError } from '../../errors.js';

/** A listening port and the connections that came through it. */
export interface Door {
  readonly port: number;
  /** Stops listening and cuts every connection. */
  stop(): Promise<void>;
}

export interface DoorAddress {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly connectionsMax: number;
  /** Hears of what goes wrong while listening. */
  readonly onFault: (error: unknown) => void;
}

/** Makes a server listen. Throws UsherError `port-unavailable` when the port cannot be had. */
export async function openDoor(server: Server, address: DoorAddress): Promise<Door> {
  const sockets = new Set<Socket>();
  server.maxConnections = address.connectionsMax;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  try {
    server.listen(address.port, address.host);
    await once(server, 'listening');
  } catch (error) {
    const what = `${address.host}:${address.port}`;
    const why = systemCodeOf(error) === 'EADDRINUSE' ? 'it is in use; choose another port' : reasonOf(error);
    throw new UsherError('failed', 'port-unavailable', `cannot listen on ${what}: ${why}`, [], { cause: error });
  }
  server.on('error', address.onFault);
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
