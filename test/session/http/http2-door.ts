import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { openDoor } from '../../../src/net/accept.js';
import { terminateTls } from '../../../src/net/terminate-tls.js';
import type { FieldLines, Refusal } from '../../../src/protocols/http/http-message.js';
import type { ClientEvents, ClientSide } from '../../../src/session/http/client-side.js';
import { type Http2Connection, serveHttp2 } from '../../../src/session/http/http2-connection.js';
import { type Http2Limits, http2Limits } from '../../../src/session/http/http2-limits.js';
import { makeCertificate } from '../../net/make-certificate.js';

/** What an exchange was told, in order; bodies are gathered. */
export interface Told {
  readonly side: ClientSide;
  readonly events: string[];
  body: string;
  trailers: FieldLines;
}

export interface Http2Door {
  readonly port: number;
  readonly url: string;
  readonly told: Told[];
  readonly refusals: Refusal[];
  readonly connections: Http2Connection[];
  readonly sockets: TLSSocket[];
  close(): void;
}

export interface Http2DoorOptions {
  /** What an exchange does at its beginning, and with what it is told. */
  readonly begin?: (side: ClientSide, told: Told) => Partial<ClientEvents>;
  readonly limits?: Partial<Http2Limits>;
}

let certificate: Promise<{ key: string; cert: string }> | null = null;

/** A TLS socket on loopback that serves HTTP/2 with an exchange of the test's; by default a body comes back as it is. */
export async function openHttp2Door(options: Http2DoorOptions = {}): Promise<Http2Door> {
  certificate ??= makeCertificate(['localhost'], true);
  const told: Told[] = [];
  const refusals: Refusal[] = [];
  const connections: Http2Connection[] = [];
  const sockets: TLSSocket[] = [];
  const begin = options.begin ?? echo;
  const secureContext = createSecureContext(await certificate);
  const serve = (socket: TLSSocket): void => {
    sockets.push(socket);
    const connection = serveHttp2(socket, {
      limits: { ...http2Limits, ...options.limits },
      onRefused: (refusal) => refusals.push(refusal),
      begin: (side) => {
        const record: Told = { side, events: [], body: '', trailers: [] };
        told.push(record);
        return recording(record, begin(side, record));
      },
    });
    connections.push(connection);
  };
  const tls = {
    contextFor: () => secureContext,
    alpnProtocols: ['h2'],
    timeoutMs: 5000,
    pending: 'handshake',
  } as const;
  const opened = await openDoor({
    host: '127.0.0.1',
    port: 0,
    onConnection: (socket) => void terminateTls(socket, tls).then(serve, () => socket.destroy()),
  });
  const { port } = opened.address;
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    told,
    refusals,
    connections,
    sockets,
    close() {
      for (const socket of sockets) socket.destroy();
      opened.close();
    },
  };
}

function recording(told: Told, events: Partial<ClientEvents>): ClientEvents {
  return {
    bodyData(chunk) {
      told.body += chunk.toString('latin1');
      events.bodyData?.(chunk);
    },
    bodyEnd(trailers) {
      told.events.push('bodyEnd');
      told.trailers = trailers;
      events.bodyEnd?.(trailers);
    },
    clientDrained() {
      told.events.push('clientDrained');
      events.clientDrained?.();
    },
    clientGone(reason) {
      told.events.push(`clientGone: ${reason}`);
      events.clientGone?.(reason);
    },
  };
}

function echo(side: ClientSide, told: Told): Partial<ClientEvents> {
  side.resumeBody();
  return {
    bodyEnd() {
      const body = Buffer.from(told.body, 'latin1');
      const fields = ['Content-Type', 'text/plain', 'X-Method', side.request.method];
      side.sendHead({ status: 200, reason: 'OK', fields, framing: { kind: 'length', length: body.length } });
      side.sendData(body);
      side.sendEnd([]);
    },
  };
}

export interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly interim: readonly IncomingHttpHeaders[];
  readonly trailers: IncomingHttpHeaders | null;
}

export function dialHttp2(door: Http2Door): ClientHttp2Session {
  const settings = { maxHeaderListSize: 262_144 };
  const options = { rejectUnauthorized: false, maxHeaderListPairs: 1000, settings };
  return connect(door.url, options).on('error', () => undefined);
}

/** Sends a request with node:http2 and gathers the answer; rejects when the stream is reset. */
export async function askHttp2(
  session: ClientHttp2Session,
  fields: Record<string, string | string[]>,
  body?: string | Buffer,
): Promise<Answer> {
  const stream = session.request({ ':path': '/owa/', ...fields }, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return gather(stream);
}

export function gather(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let headers: IncomingHttpHeaders = {};
    let text = '';
    let trailers: IncomingHttpHeaders | null = null;
    const interim: IncomingHttpHeaders[] = [];
    stream.setEncoding('latin1');
    stream.on('headers', (some) => interim.push(some));
    stream.on('response', (some) => {
      headers = some;
    });
    stream.on('trailers', (some) => {
      trailers = some;
    });
    stream.on('data', (piece: string) => {
      text += piece;
    });
    stream.on('error', reject);
    stream.on('close', () => {
      if (stream.rstCode === 0) resolve({ headers, body: text, interim, trailers });
      else reject(new Error(`reset with code ${stream.rstCode}`));
    });
  });
}
