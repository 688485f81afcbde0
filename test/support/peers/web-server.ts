import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { afterAll } from 'vitest';

export interface WebServerOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => unknown;
  /** Asked for a request with `Expect: 100-continue`; default: Node says 100 and asks `onRequest`. */
  readonly onExpect?: (request: IncomingMessage, response: ServerResponse) => unknown;
  /** Default: upgrades are refused as Node does. */
  readonly onUpgrade?: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
}

/** The web side of a mailbox server, on a loopback port; Node's own HTTP parser reads what comes. */
export interface WebServer {
  readonly name: string;
  readonly port: number;
  /** `METHOD target` of every request, in order. */
  readonly requests: readonly string[];
  /** Connections accepted so far, and those that are open. */
  accepted(): number;
  open(): number;
  /** Ends the connections on which no request is under way. */
  closeIdle(): void;
  /** Cuts every connection and listens no more, as when the process is killed. */
  die(): void;
  /** Listens again on the same port. */
  revive(): Promise<void>;
}

const live = new Set<WebServer>();

afterAll(() => {
  for (const server of live) server.die();
});

/** Starts one; connections are kept until the other side closes them. */
export async function startWebServer(name: string, options: WebServerOptions): Promise<WebServer> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let accepted = 0;
  let server: Server | null = null;

  function make(): Server {
    const made = options.tls === undefined ? createServer() : (createTlsServer(options.tls) as unknown as Server);
    made.keepAliveTimeout = 600_000;
    made.requestTimeout = 0;
    made.on('connection', (socket: Socket) => {
      accepted += 1;
      sockets.add(socket);
      socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket));
    });
    made.on('request', (request: IncomingMessage, response: ServerResponse) => {
      requests.push(`${request.method} ${request.url}`);
      options.onRequest(request, response);
    });
    if (options.onExpect) {
      made.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
        requests.push(`${request.method} ${request.url}`);
        options.onExpect?.(request, response);
      });
    }
    // Without a listener Node answers an upgrade as it answers any request.
    if (options.onUpgrade) made.on('upgrade', options.onUpgrade);
    return made;
  }

  async function listen(port: number): Promise<number> {
    const opened = make();
    server = opened;
    opened.listen(port, '127.0.0.1');
    await once(opened, 'listening');
    const address = opened.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  const port = await listen(0);
  const started: WebServer = {
    name,
    port,
    requests,
    accepted: () => accepted,
    open: () => sockets.size,
    closeIdle: () => server?.closeIdleConnections(),
    die() {
      server?.close();
      server = null;
      for (const socket of sockets) socket.destroy();
      live.delete(started);
    },
    async revive() {
      await listen(port);
      live.add(started);
    },
  };
  live.add(started);
  return started;
}
