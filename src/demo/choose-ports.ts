import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

import { systemCodeOf, UsherError } from '../errors.js';
import { type DoorName, type DoorPorts, demoDoors, demoHost } from './demo-estate.js';

/** A port for each door: the memorable one above the base where it is free, else any free one. */
export async function choosePorts(portBase: number): Promise<DoorPorts> {
  const held: Server[] = [];
  const hold = async (wanted: number): Promise<number> => {
    // each port is held until all are chosen, so that none is chosen twice
    const server = (await listen(wanted)) ?? (await listen(0));
    if (!server) throw new UsherError('failed', 'no-free-port', `no free port on ${demoHost}`);
    held.push(server);
    return (server.address() as AddressInfo).port;
  };
  const port = (door: DoorName): Promise<number> => hold(portBase + demoDoors[door]);
  try {
    return {
      smtp: await port('smtp'),
      imap: await port('imap'),
      imaps: await port('imaps'),
      pop: await port('pop'),
      http: await port('http'),
    };
  } finally {
    await Promise.all(held.map(async (server) => once(server.close(), 'close')));
  }
}

/** Undefined when the port cannot be had. */
async function listen(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ host: demoHost, port, exclusive: true });
    await once(server, 'listening');
    return server;
  } catch (error) {
    if (!['EADDRINUSE', 'EACCES'].includes(systemCodeOf(error) ?? '')) throw error;
    return undefined;
  }
}
