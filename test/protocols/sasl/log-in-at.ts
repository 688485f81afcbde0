import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { LoginProtocol, ServerDialogueOptions, ServerStep } from '../../../src/protocols/sasl/login-protocol.js';

/** A client whose address is its own and no loopback one. */
export const distantClient = {
  address: '2001:db8::7',
  port: 40_001,
  localAddress: '2001:db8::1',
  localPort: 993,
  sessionId: 'session-1',
  proxyTtl: 3,
};

/** Speaks with a real server on a port of 127.0.0.1 until the login is decided. */
export async function logInAt(
  protocol: LoginProtocol,
  port: number,
  options: ServerDialogueOptions,
): Promise<ServerStep> {
  const dialogue = protocol.createServerDialogue(options);
  let socket: Socket = connect({ host: '127.0.0.1', port });
  try {
    for (;;) {
      let result = dialogue.receive(await nextChunk(socket));
      socket.write(result.output);
      if (result.step.kind === 'start-tls') {
        socket = connectTls({ socket, rejectUnauthorized: false });
        result = dialogue.tlsStarted();
        socket.write(result.output);
      }
      if (result.step.kind !== 'read') return result.step;
    }
  } finally {
    socket.destroy();
  }
}

function nextChunk(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('data', (chunk: Buffer) => {
      socket.off('error', reject);
      resolve(chunk);
    });
  });
}
