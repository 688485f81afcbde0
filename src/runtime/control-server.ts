import { chmodSync, existsSync, mkdirSync, unlinkSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { askRuntime, NotReachable } from '../control/client.js';
import { type ControlAnswer, type ControlRequest, lineLengthMax } from '../control/messages.js';
import { reasonOf, UsherError } from '../errors.js';

const requestTimeMs = 10_000;

/** Answers at a control socket; `answer` never rejects into the air, its errors are answers. */
export async function openControlSocket(
  path: string,
  answer: (request: ControlRequest) => Promise<ControlAnswer>,
): Promise<{ close(): void }> {
  await refuseSecondRuntime(path);
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  if (existsSync(path)) unlinkSync(path);
  const server = createServer((socket) => serve(socket, answer));
  await listen(server, path);
  chmodSync(path, 0o660);
  return {
    close() {
      server.close();
      if (existsSync(path)) unlinkSync(path);
    },
  };
}

/** One runtime for a store and front end: whoever answers at the socket is it. */
async function refuseSecondRuntime(path: string): Promise<void> {
  if (!existsSync(path)) return;
  try {
    const found = await askRuntime(path, { ask: 'status' }, 2000);
    const pid = found.answer === 'status' ? found.status.pid : 0;
    throw new UsherError(
      'conflict',
      'already-running',
      `the runtime of this store and front end is running already (pid ${pid}); see "usher status"`,
    );
  } catch (error) {
    if (!(error instanceof NotReachable)) throw error;
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new UsherError(
          'failed',
          'no-control-socket',
          `the control socket ${path} cannot be opened: ${error.message}`,
          [],
          { cause: error },
        ),
      ),
    );
    server.listen(path, resolve);
  });
}

function serve(socket: Socket, answer: (request: ControlRequest) => Promise<ControlAnswer>): void {
  let text = '';
  socket.setEncoding('utf8');
  socket.setTimeout(requestTimeMs, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: string) => {
    text += chunk;
    const end = text.indexOf('\n');
    if (end < 0 && text.length > lineLengthMax) socket.destroy();
    if (end < 0) return;
    socket.removeAllListeners('data');
    socket.setTimeout(0);
    void respond(socket, text.slice(0, end), answer);
  });
}

async function respond(
  socket: Socket,
  line: string,
  answer: (request: ControlRequest) => Promise<ControlAnswer>,
): Promise<void> {
  let found: ControlAnswer;
  try {
    found = await answer(JSON.parse(line) as ControlRequest);
  } catch (error) {
    found = { answer: 'error', reason: reasonOf(error) };
  }
  if (!socket.destroyed) socket.end(`${JSON.stringify(found)}\n`);
}
