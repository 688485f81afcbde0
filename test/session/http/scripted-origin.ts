import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** A mailbox server's web side that does to each connection what the test says. */
export interface ScriptedOrigin {
  readonly port: number;
  /** Every connection so far, in order. */
  readonly sockets: readonly Socket[];
  readonly open: () => number;
  stop(): void;
}

/** What came so far is gathered in `text`, a character a byte; told after each piece. */
export type Script = (socket: Socket, text: string, connection: number) => void;

export async function startScriptedOrigin(script: Script): Promise<ScriptedOrigin> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = sockets.push(socket);
    let text = '';
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      script(socket, text, connection);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    sockets,
    open: () => sockets.filter((socket) => !socket.destroyed).length,
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
