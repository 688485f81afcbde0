import { once } from 'node:events';
import { type Agent, type IncomingMessage, type OutgoingHttpHeaders, request as startRequest } from 'node:http';
import { request as startTlsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { Echo } from './origin.js';

export interface AskOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  readonly agent?: Agent;
  readonly user?: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  /** What the origin got. */
  readonly echo: Echo;
}

export const basic = (user: string, password = 'secret-word'): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** One request; `path` goes out as it is. */
export async function ask(base: string, path: string, options: AskOptions = {}): Promise<Answered> {
  const { protocol, hostname, port } = new URL(base);
  const headers = { ...(options.user && { authorization: basic(options.user) }), ...options.headers };
  const { method = 'GET', agent = false } = options;
  const start = protocol === 'https:' ? startTlsRequest : startRequest;
  const request = start({ hostname, port, path, method, headers, agent, rejectUnauthorized: false } as object);
  // One that comes behind the answer concerns nobody.
  request.on('error', () => request.destroy());
  request.end(options.body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const isEcho = response.headers['content-type'] === 'application/json';
  const { statusCode: status = 0, headers: fields } = response;
  return { status, headers: fields, text, echo: (isEcho ? JSON.parse(text) : {}) as Echo };
}

/** A bare connection, for what no HTTP client would send. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Everything that comes back for these bytes until the other side closes. */
export async function say(port: number, bytes: string | Buffer): Promise<string> {
  const socket = await dial(port);
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  return readAll(socket);
}

export function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.once('close', () => resolve(text));
  });
}
