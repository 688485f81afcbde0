import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A listening server on a free loopback port, and what to call when the test is over. */
export interface Loopback {
  readonly port: number;
  readonly server: Server;
  close(): void;
}

/** Listens on 127.0.0.1; connections that are still open at the end are destroyed. */
export async function listenOnLoopback(onConnection: (socket: Socket) => void): Promise<Loopback> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: address.port, server, close };
}

/** Two ends of one loopback connection: `near` was connected, `far` accepted. */
export async function connectedPair(): Promise<{ near: Socket; far: Socket }> {
  let accept: (socket: Socket) => void = () => undefined;
  const accepted = new Promise<Socket>((resolve) => {
    accept = resolve;
  });
  const loopback = await listenOnLoopback((socket) => accept(socket));
  const near = connect({ port: loopback.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  near.on('error', () => near.destroy());
  await once(near, 'connect');
  const far = await accepted;
  loopback.server.close();
  return { near, far };
}

/** Everything the socket gives until its end or close. */
export function readToEnd(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const done = (): void => resolve(Buffer.concat(chunks).toString('latin1'));
    if (socket.readableEnded || socket.closed) done();
    socket
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', done)
      .on('close', done);
  });
}

/** Reads until the socket has given at least `length` bytes, then takes its listener off again. */
export function readBytes(socket: Socket, length: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (text.length >= length) settle(() => resolve(text));
    };
    const onClose = (): void => settle(() => reject(new Error(`closed after "${text}"`)));
    const settle = (end: () => void): void => {
      socket.off('data', onData).off('close', onClose).off('end', onClose);
      end();
    };
    socket.on('data', onData).on('close', onClose).on('end', onClose);
  });
}
