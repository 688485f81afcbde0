import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';

/** What an origin says of a request that it got. */
export interface Echo {
  readonly server: string;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly raw: readonly string[];
  readonly bodyBytes: number;
}

export interface Origin {
  readonly name: string;
  readonly port: number;
  readonly server: Server;
  /** Connections accepted so far, and those that are open. */
  readonly accepted: () => number;
  readonly open: () => number;
  readonly requests: string[];
  stop(): Promise<void>;
}

export interface OriginOptions {
  readonly port?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly onRequest?: (request: IncomingMessage, response: ServerResponse) => void;
}

/** A mailbox server's web side that says what it got. */
export async function startOrigin(name: string, options: OriginOptions = {}): Promise<Origin> {
  const requests: string[] = [];
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push(`${request.method} ${request.url}`);
    (options.onRequest ?? ((request, response) => void echo(name, request, response)))(request, response);
  };
  const server = options.tls ? (createTlsServer(options.tls, take) as unknown as Server) : createServer(take);
  server.keepAliveTimeout = 60_000;
  let accepted = 0;
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const stop = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of open) socket.destroy();
    await closed;
  };
  return { name, port: address.port, server, accepted: () => accepted, open: () => open.size, requests, stop };
}

async function echo(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let bodyBytes = 0;
  request.on('data', (chunk: Buffer) => {
    bodyBytes += chunk.length;
  });
  await once(request, 'end').catch(() => undefined);
  const { method, url, headers, rawHeaders: raw } = request;
  const answer: Echo = { server: name, method: method ?? '', url: url ?? '', headers, raw, bodyBytes };
  response.writeHead(200, { 'Content-Type': 'application/json', 'X-Served-By': name });
  response.end(JSON.stringify(answer));
}
