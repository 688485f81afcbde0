import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

/** A port to which connections neither succeed nor fail. */
export interface DeafPort {
  close(): Promise<void>;
}

// Listens with the shortest queue there is and takes nobody out of it: once it is full, Linux drops what asks to be let in.
const listener = `
  const { parentPort, workerData: { address, port } } = require('node:worker_threads');
  const server = require('node:net').createServer();
  server.listen({ host: address, port, backlog: 1 }, () => {
    parentPort.postMessage('listening');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;
const fillers = 8;
const patienceMs = 300;

/**
 * Takes a port over so that connecting to it gets no answer at all.
 * @throws Error where connections still succeed
 */
export async function openDeafPort(address: string, port: number): Promise<DeafPort> {
  const worker = new Worker(listener, { eval: true, workerData: { address, port } });
  await new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve()).once('error', reject);
  });
  const sockets: Socket[] = [];
  const knock = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect({ host: address, port });
      sockets.push(socket);
      const timer = setTimeout(() => resolve(false), patienceMs);
      socket
        .on('error', () => socket.destroy())
        .once('connect', () => {
          clearTimeout(timer);
          resolve(true);
        });
    });
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await worker.terminate();
  };
  for (let count = 0; count < fillers; count++) if (!(await knock())) return { close };
  await close();
  throw new Error(`${address}:${port} still takes connections`);
}
