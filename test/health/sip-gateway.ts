import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { readSipMessage } from '../../src/protocols/sip/read-message.js';

/** A gateway that is asked. */
export interface SipGateway {
  readonly port: number;
  /** The requests that came, and when, on the clock of `performance.now()`. */
  readonly requests: ReadonlyArray<{ readonly text: string; readonly atMs: number }>;
  /** Connections that are open now, and at most were. */
  readonly open: { count: number; most: number };
  close(): void;
}

/** What is said to the nth request, from 1; null: nothing. */
export type GatewayScript = (request: string, count: number) => string | null;

/** A response to a request, as a gateway writes it. */
export function responseTo(request: string, code: number, given: { readonly callId?: string } = {}): string {
  const field = (name: string): string => new RegExp(`^${name}: (.*)\r\n`, 'm').exec(request)?.[1] ?? '';
  const repeated = ['Via', 'From', 'To', 'CSeq'].map((name) => `${name}: ${field(name)}\r\n`).join('');
  return `SIP/2.0 ${code} Said\r\n${repeated}Call-ID: ${given.callId ?? field('Call-ID')}\r\nContent-Length: 0\r\n\r\n`;
}

export const alive: GatewayScript = (request) => responseTo(request, 200);
export const deaf: GatewayScript = () => null;

function recorder(script: GatewayScript) {
  const requests: Array<{ text: string; atMs: number }> = [];
  const answer = (bytes: Buffer): string | null => {
    const reading = readSipMessage(bytes);
    if (reading.kind !== 'request') throw new Error(`no request: ${JSON.stringify(reading)}`);
    const text = bytes.toString('latin1');
    requests.push({ text, atMs: performance.now() });
    return script(text, requests.length);
  };
  return { requests, answer };
}

/** Over UDP; `answersFrom` another port than it is asked at. */
export async function udpGateway(script: GatewayScript, answersFrom: 'same' | 'other' = 'same'): Promise<SipGateway> {
  const [socket, other] = [createSocket('udp4'), createSocket('udp4')];
  const { requests, answer } = recorder(script);
  socket.on('message', (bytes: Buffer, { port, address }: RemoteInfo) => {
    const text = answer(bytes);
    if (text !== null) (answersFrom === 'same' ? socket : other).send(text, port, address);
  });
  socket.bind(0, '127.0.0.1');
  other.bind(0, '127.0.0.1');
  await Promise.all([once(socket, 'listening'), once(other, 'listening')]);
  const close = (): void => {
    socket.close();
    other.close();
  };
  return { port: socket.address().port, requests, open: { count: 0, most: 0 }, close };
}

export interface StreamOptions {
  readonly port?: number;
  readonly tls?: TlsOptions;
  readonly onSecure?: (socket: TLSSocket) => void;
}

/** Over TCP, or TLS; each request comes in one piece here. */
export async function streamGateway(
  script: GatewayScript,
  { port = 0, tls, onSecure }: StreamOptions = {},
): Promise<SipGateway> {
  const { requests, answer } = recorder(script);
  const open = { count: 0, most: 0 };
  const sockets = new Set<Socket>();
  const onConnection = (socket: Socket): void => {
    sockets.add(socket);
    open.count += 1;
    open.most = Math.max(open.most, open.count);
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      const text = answer(bytes);
      if (text !== null) socket.write(text, 'latin1');
    });
    socket.on('close', () => {
      sockets.delete(socket);
      open.count -= 1;
    });
  };
  const server: Server = tls === undefined ? createServer(onConnection) : createTlsServer(tls, onConnection);
  if (onSecure) server.on('secureConnection', onSecure);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, requests, open, close };
}
