import { createServer, type Server, type Socket } from 'node:net';
import { doorNotOpen } from './door-not-open.js';
import { keepErrorsHandled } from './keep-errors-handled.js';

export interface DoorOptions {
  /** An address of this machine; `::` is IPv6 alone, so that `0.0.0.0` may be opened beside it. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly onConnection: (socket: Socket) => void;
  /** Connections beyond it are closed as they come. */
  readonly connectionsMax?: number | undefined;
  /** Told of a connection that was closed because the door is full, or that could not be accepted. */
  readonly onTrouble?: ((trouble: DoorTrouble) => void) | undefined;
}

export type DoorTrouble =
  | { readonly kind: 'full'; readonly address: string | null }
  | { readonly kind: 'accept-failed'; readonly error: Error };

/** An open listening socket. */
export interface Door {
  readonly address: { readonly host: string; readonly port: number };
  /** Stops accepting, at once; connections go on. */
  close(): void;
}

// So that a client whose network has gone is noticed, and one that is idle is not forgotten by the routers between.
const keepAliveDelayMs = 60_000;

/**
 * Opens one listening TCP socket. Accepted sockets have no delay and keep-alive on, are half-open (a client may end its
 * side and still read: whoever reads the end must end the other side), and never end the process by an unheard error.
 * Rejects with UsherError `door-not-open`: which address, why, and the system's code.
 */
export function openDoor(options: DoorOptions): Promise<Door> {
  const { host, port } = options;
  const socketOptions = {
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveDelayMs,
    allowHalfOpen: true,
  };
  const server = createServer(socketOptions, (socket) => options.onConnection(keepErrorsHandled(socket)));
  if (options.connectionsMax !== undefined) server.maxConnections = options.connectionsMax;
  return new Promise((resolve, reject) => {
    const onRefused = (error: Error): void => reject(doorNotOpen(host, port, error));
    server.once('error', onRefused);
    server.listen({ host, port, backlog: 511, ipv6Only: host === '::' }, () => {
      server.off('error', onRefused);
      server.on('error', (error) => options.onTrouble?.({ kind: 'accept-failed', error }));
      server.on('drop', (drop) => options.onTrouble?.({ kind: 'full', address: drop?.remoteAddress ?? null }));
      resolve({ address: addressOf(server, host, port), close: () => void server.close() });
    });
  });
}

function addressOf(server: Server, host: string, port: number): Door['address'] {
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : { host, port };
}
