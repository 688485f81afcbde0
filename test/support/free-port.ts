import { createSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';

// Below the range from which the kernel takes the local ports of outgoing connections.
const portMin = 20_000;
const portMax = 31_999;

// Held until the process ends; the kernel drops them with it.
const claims = new Map<number, Server>();

/** A port that is free for TCP and UDP now, and that no other test process is given while this one lives. */
export async function freePort(): Promise<number> {
  const count = portMax - portMin + 1;
  const first = Math.floor(Math.random() * count);
  for (let step = 0; step < count; step++) {
    const port = portMin + ((first + step) % count);
    if (claims.has(port)) continue;
    const claim = await listen(claimAddress(port));
    if (claim === undefined) continue;
    if (await isUnused(port)) {
      claims.set(port, claim.unref());
      return port;
    }
    claim.close();
  }
  throw new Error(`no free port between ${portMin} and ${portMax}`);
}

/** `count` different free ports. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}

// Linux has socket names without files; elsewhere any port the kernel gives stands for the claim.
function claimAddress(port: number): { path: string } | { host: string; port: number } {
  return process.platform === 'linux' ? { path: `\0usher-test-port-${port}` } : { host: '127.0.0.1', port: 0 };
}

async function isUnused(port: number): Promise<boolean> {
  const server = await listen({ host: '0.0.0.0', port });
  if (server === undefined) return false;
  await new Promise((resolve) => server.close(resolve));
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind({ port, address: '0.0.0.0', exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

function listen(address: { path: string } | { host: string; port: number }): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    });
    server.listen({ ...address, exclusive: true }, () => resolve(server));
  });
}
