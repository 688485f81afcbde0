import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { askRuntime, findSockets, NotReachable } from '../../src/control/client.js';
import { lineLengthMax } from '../../src/control/messages.js';
import { tempDir } from '../support/temp-dir.js';

const open: Array<Server | Socket> = [];
afterEach(() => {
  for (const one of open.splice(0)) {
    if ('destroy' in one) one.destroy();
    else one.close();
  }
});

/** A control socket where something answers a request as `answer` says. */
async function listen(answer: (socket: Socket, request: string) => void): Promise<string> {
  const path = join(tempDir('control'), 'runtime.sock');
  const server = createServer((socket) => {
    open.push(socket);
    socket.on('error', () => socket.destroy());
    socket.once('data', (data) => answer(socket, data.toString('utf8')));
  }).listen(path);
  open.push(server);
  await once(server, 'listening');
  return path;
}

const ask = (path: string, timeoutMs = 2000) => askRuntime(path, { ask: 'take-up', revision: 7 }, timeoutMs);
const answer = { answer: 'taken-up', revision: 7, refused: null };

describe('asking a runtime', () => {
  test('sends one line and gives the answer, however it is cut', async () => {
    const requests: string[] = [];
    const path = await listen((socket, request) => {
      requests.push(request);
      const line = `${JSON.stringify({ ...answer, refused: { revision: 7, reason: 'Zürich' } })}\n`;
      for (const byte of Buffer.from(line)) socket.write(Buffer.of(byte));
    });
    expect(await ask(path)).toStrictEqual({ ...answer, refused: { revision: 7, reason: 'Zürich' } });
    expect(requests).toStrictEqual(['{"ask":"take-up","revision":7}\n']);
  });

  const unreachable: ReadonlyArray<readonly [title: string, answer: (socket: Socket) => void, message: RegExp]> = [
    ['closes without a word', (socket) => socket.end(), /closed the connection without an answer/],
    ['closes within a line', (socket) => socket.end('{"answer":'), /closed the connection without an answer/],
    ['breaks the connection', (socket) => socket.destroy(), /closed the connection without an answer/],
    ['stays silent', () => undefined, /did not answer within 200 ms/],
    ['says what is no JSON', (socket) => socket.write('220 mail.contoso.com ESMTP\r\n'), /is no runtime/],
    ['says JSON that is no answer', (socket) => socket.write('[1]\n'), /is no runtime/],
    ['says too much', (socket) => socket.write('x'.repeat(lineLengthMax + 1)), /too long an answer/],
  ];

  test.each(unreachable)('that %s is an error of reaching it', async (_, behave, message) => {
    const path = await listen(behave);
    const error = await ask(path, 200).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(NotReachable);
    expect(error).toMatchObject({
      exitCode: 6,
      code: 'not-running',
      message: expect.stringMatching(message),
      suggestions: ['usher start'],
    });
  });

  test('at a path where nothing listens, or that is no socket', async () => {
    const folder = tempDir('control');
    await expect(ask(join(folder, 'none.sock'))).rejects.toThrow(/ENOENT/);
    writeFileSync(join(folder, 'file.sock'), '');
    await expect(ask(join(folder, 'file.sock'))).rejects.toThrow(/no runtime answers at .*file\.sock/);
  });
});

describe('control sockets of a store', () => {
  test('are those of its prefix; a folder that is not there has none', () => {
    const folder = tempDir('control');
    for (const name of ['abc-1.sock', 'abc-2.sock', 'abd-1.sock', 'abc-1.log']) writeFileSync(join(folder, name), '');
    mkdirSync(join(folder, 'other'));
    expect(findSockets(folder, 'abc-').toSorted()).toStrictEqual([
      join(folder, 'abc-1.sock'),
      join(folder, 'abc-2.sock'),
    ]);
    expect(findSockets(join(folder, 'nowhere'), 'abc-')).toStrictEqual([]);
  });
});
