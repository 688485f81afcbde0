import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll } from 'vitest';

/** What both channels announce, though none ever sends as much: the length of a connection that has no end. */
export const channelLength = 1_073_741_824;

const outRequestLength = 76;
const headMax = 16_384;

export interface RpcServer {
  readonly name: string;
  readonly port: number;
  /** Open channels, as `RPC_IN_DATA target`. */
  channels(): string[];
  /** Ends all connections of one kind of channel as a dying process does. */
  cut(method: RpcMethod): void;
  close(): void;
}

export type RpcMethod = 'RPC_IN_DATA' | 'RPC_OUT_DATA';

interface Channel {
  readonly method: RpcMethod;
  readonly target: string;
  readonly socket: Socket;
}

const closers = new Set<() => void>();

afterAll(() => {
  for (const close of closers) close();
});

/**
 * A mailbox server's RPC over HTTP proxy: two connections of a client with the same target belong together, and what
 * comes in on one goes out on the other at once.
 */
export async function startRpcServer(name: string): Promise<RpcServer> {
  const channels = new Set<Channel>();
  const sockets = new Set<Socket>();
  const find = (method: RpcMethod, target: string): Channel | undefined =>
    [...channels].find((channel) => channel.method === method && channel.target === target);

  function open(socket: Socket, method: RpcMethod, target: string, rest: Buffer): void {
    const channel = { method, target, socket };
    channels.add(channel);
    socket.once('close', () => channels.delete(channel));
    if (method === 'RPC_OUT_DATA') {
      const fields = `Content-Type: application/rpc\r\nContent-Length: ${channelLength}\r\nX-Served-By: ${name}\r\n`;
      socket.write(`HTTP/1.1 200 Success\r\n${fields}\r\n`);
      // Nothing more comes on it but its end.
      socket.on('drain', () => find('RPC_IN_DATA', target)?.socket.resume()).resume();
      return;
    }
    const pass = (data: Buffer): void => {
      const out = find('RPC_OUT_DATA', target);
      if (out === undefined) socket.destroy();
      else if (!out.socket.write(data)) socket.pause();
    };
    socket.on('data', pass).resume();
    if (rest.length > 0) pass(rest);
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket));
    void readHead(socket, outRequestLength).then((head) => {
      if (head === null) socket.destroy();
      else open(socket, head.method, head.target, head.rest);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
    closers.delete(close);
  };
  closers.add(close);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    name,
    port: address.port,
    channels: () => [...channels].map(({ method, target }) => `${method} ${target}`),
    cut(method) {
      for (const channel of channels) if (channel.method === method) channel.socket.destroy();
    },
    close,
  };
}

interface ReadHead {
  readonly method: RpcMethod;
  readonly target: string;
  readonly rest: Buffer;
}

/** Null where it is no request of a channel. The body of RPC_OUT_DATA is read with it. */
async function readHead(socket: Socket, bodyLength: number): Promise<ReadHead | null> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n');
    const head = bytes.toString('latin1', 0, end);
    const [, method, target] = /^(RPC_(?:IN|OUT)_DATA) (\S+) HTTP\/1\.1\r\n/.exec(head) ?? [];
    if (end !== -1 && (method === undefined || target === undefined)) return null;
    const isOut = method === 'RPC_OUT_DATA';
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? -1);
    if (end !== -1 && length !== (isOut ? bodyLength : channelLength)) return null;
    const whole = end + 4 + (isOut ? bodyLength : 0);
    if (end !== -1 && bytes.length >= whole) {
      return { method: method as RpcMethod, target: target as string, rest: bytes.subarray(whole) };
    }
    if (bytes.length > headMax || socket.destroyed) return null;
    const chunk = await nextChunk(socket);
    if (chunk === null) return null;
    bytes = Buffer.concat([bytes, chunk]);
  }
}

function nextChunk(socket: Socket): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const settle = (chunk: Buffer | null): void => {
      socket.off('data', onData).off('close', onClose);
      socket.pause();
      resolve(chunk);
    };
    const onData = (chunk: Buffer): void => settle(chunk);
    const onClose = (): void => settle(null);
    socket.on('data', onData).once('close', onClose).resume();
  });
}

/** A client's pair of channels, over TLS. */
export interface RpcPair {
  readonly incoming: Socket;
  readonly outgoing: Socket;
  /** The server's name in the answer of the OUT channel. */
  readonly server: string;
  /** Sends bytes on the IN channel; returns when as many came back on the OUT channel. @throws Error where they differ */
  echo(length: number): Promise<void>;
  /** Sends that many bytes and reads them at the same time; returns how many came back. */
  stream(length: number): Promise<number>;
  /** Resets both connections, as when the client's machine goes down. */
  reset(): void;
}

/** @throws Error where the OUT channel is not opened with 200 */
export async function openRpcPair(port: number, target: string, authorization: string): Promise<RpcPair> {
  const [out, into] = await Promise.all([dial(port), dial(port)]);
  const [outgoing, incoming] = [out.secure, into.secure];
  const head = (method: RpcMethod, length: number): string =>
    `${method} ${target} HTTP/1.1\r\nHost: mail.example.org\r\nUser-Agent: MSRPC\r\nAccept: application/rpc\r\n` +
    `Authorization: ${authorization}\r\nContent-Length: ${length}\r\n\r\n`;
  outgoing.write(Buffer.concat([Buffer.from(head('RPC_OUT_DATA', outRequestLength)), randomBytes(outRequestLength)]));
  incoming.write(head('RPC_IN_DATA', channelLength));
  const server = await answerOf(outgoing);
  return {
    incoming,
    outgoing,
    server,
    async echo(length) {
      const sent = randomBytes(length);
      incoming.write(sent);
      const got: Buffer[] = [];
      for (let left = length; left > 0; ) {
        const chunk = await nextChunk(outgoing);
        if (chunk === null) throw new Error('the OUT channel ended');
        got.push(chunk);
        left -= chunk.length;
      }
      if (!Buffer.concat(got).equals(sent)) throw new Error('other bytes came back');
    },
    stream: (length) => stream(incoming, outgoing, length),
    reset() {
      for (const { raw, secure } of [into, out]) {
        raw.resetAndDestroy();
        secure.destroy();
      }
    },
  };
}

async function dial(port: number): Promise<{ raw: Socket; secure: Socket }> {
  const raw = connect({ port, host: '127.0.0.1', noDelay: true });
  raw.on('error', () => raw.destroy());
  const secure = connectTls({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
  secure.on('error', () => secure.destroy());
  await once(secure, 'secureConnect');
  return { raw, secure };
}

async function answerOf(socket: Socket): Promise<string> {
  let text = '';
  while (!text.includes('\r\n\r\n')) {
    const chunk = await nextChunk(socket);
    if (chunk === null) throw new Error(`the OUT channel was closed: ${text.slice(0, 200)}`);
    text += chunk.toString('latin1');
  }
  const isOpen = text.startsWith('HTTP/1.1 200 ') && text.includes(`Content-Length: ${channelLength}\r\n`);
  if (!isOpen || !text.endsWith('\r\n\r\n')) throw new Error(`the OUT channel was not opened: ${text.slice(0, 400)}`);
  return /^x-served-by: (.*)$/im.exec(text)?.[1]?.trim() ?? '';
}

async function stream(incoming: Socket, outgoing: Socket, length: number): Promise<number> {
  let received = 0;
  const isBack = new Promise<void>((resolve) => {
    const take = (chunk: Buffer): void => {
      received += chunk.length;
      if (received < length) return;
      outgoing.off('data', take).pause();
      resolve();
    };
    outgoing.on('data', take).once('close', resolve).resume();
  });
  const piece = randomBytes(48_000);
  for (let left = length; left > 0; left -= piece.length) {
    if (!incoming.write(left < piece.length ? piece.subarray(0, left) : piece)) await once(incoming, 'drain');
  }
  await isBack;
  return received;
}
