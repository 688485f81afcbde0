import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A client that says exactly what it is told to, and waits for what it expects. */
export interface MailClient {
  readonly socket: Socket;
  received(): string;
  send(text: string): void;
  /** All text since the last `until`, once it matches; rejects after 8 s or when the connection ends without it. */
  until(pattern: RegExp): Promise<string>;
  /** All text, once the server has closed. */
  closed(): Promise<string>;
  /** The same connection under TLS from now on. */
  startTls(): Promise<MailClient>;
}

export async function connectClient(
  port: number,
  tls: 'plain' | 'implicit' = 'plain',
  alpn?: string,
): Promise<MailClient> {
  const plain = connect({ port, host: '127.0.0.1', noDelay: true });
  plain.on('error', () => plain.destroy());
  await once(plain, 'connect');
  return tls === 'plain' ? clientOn(plain) : upgrade(plain, alpn);
}

async function upgrade(plain: Socket, alpn?: string): Promise<MailClient> {
  const secure = connectTls({ socket: plain, rejectUnauthorized: false, ...(alpn && { ALPNProtocols: [alpn] }) });
  await once(secure, 'secureConnect');
  secure.on('error', () => secure.destroy());
  return clientOn(secure);
}

function clientOn(socket: Socket): MailClient {
  let text = '';
  let seen = 0;
  const onData = (chunk: Buffer): void => {
    text += chunk.toString('latin1');
  };
  socket.on('data', onData);
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(text)));
  return {
    socket,
    received: () => text,
    send: (data) => void socket.write(data, 'latin1'),
    async until(pattern) {
      const end = performance.now() + 8000;
      while (!pattern.test(text.slice(seen))) {
        if (performance.now() > end || socket.destroyed) {
          throw new Error(`${String(pattern)} not in ${JSON.stringify(text.slice(seen))}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 3));
      }
      const fresh = text.slice(seen);
      seen = text.length;
      return fresh;
    },
    closed: () => closed,
    startTls: () => {
      socket.off('data', onData);
      return upgrade(socket);
    },
  };
}
