import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RecordingWebServer, startRecordingWebServer } from '../../support/peers/recording-web-server.js';
import { dial, readAll } from './ask.js';
import { type FrontEnd, startFrontEnd } from './front-end.js';

const ok = 'HTTP/1.1 200 OK\r\n';
const split = 'HTTP/1.1 200 OK\r\nX-Split: yes\r\nContent-Length: 5\r\n\r\nsplit';

/** Answers that two readers could read in two ways, or that hold more than one. */
const answers: Readonly<Record<string, string>> = {
  'more behind a length': `${ok}Content-Length: 5\r\n\r\nhello${split}`,
  'more behind the last chunk': `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n${split}`,
  'a body behind 204': `HTTP/1.1 204 No Content\r\n\r\n${split}`,
  'a body behind 304': `HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n${split}`,
  'a body behind a length of zero': `${ok}Content-Length: 0\r\n\r\n${split}`,
  'a length and a coding': `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${split}`,
  'two lengths': `${ok}Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello${split}`,
  'two equal lengths': `${ok}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello${split}`,
  'a length with a sign': `${ok}Content-Length: +5\r\n\r\nhello${split}`,
  'a list of lengths': `${ok}Content-Length: 5, 5\r\n\r\nhello${split}`,
  'a length in another system': `${ok}Content-Length: 0x5\r\n\r\nhello${split}`,
  'a space before the colon': `${ok}Content-Length : 5\r\n\r\nhello${split}`,
  'an unknown coding': `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n${split}`,
  'two codings': `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${split}`,
  'a malformed chunk': `${ok}Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n${split}`,
  'a chunk without its end': `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n${split}`,
  'a line over two': `${ok}X: y\r\n z\r\nContent-Length: 0\r\n\r\n${split}`,
  'lines ended by LF': `HTTP/1.1 200 OK\nContent-Length: 5\n\nhello${split}`,
  'a CR in a value': `${ok}X: y\rX-Split: yes\r\nContent-Length: 0\r\n\r\n`,
  'a NUL in a value': `${ok}X: y\0\r\nContent-Length: 0\r\n\r\n${split}`,
  'a name with a space': `${ok}X Y: z\r\nContent-Length: 0\r\n\r\n${split}`,
  'a status of two digits': `HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n${split}`,
  'a status of four digits': `HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n${split}`,
  'another version': `HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n${split}`,
  'no status line': `hello${split}`,
  'a switch nobody asked for': `HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n${split}`,
  'a head without an end': `${ok}${'X: y\r\n'.repeat(50_000)}`,
};

let server: RecordingWebServer;
let front: FrontEnd;

beforeAll(async () => {
  server = await startRecordingWebServer('MBX1', {
    answer: ({ target }) => {
      const name = decodeURIComponent(target.replace('/owa/', ''));
      return answers[name] ?? `${ok}Content-Length: ${target.length}\r\n\r\n${target}`;
    },
  });
  front = await startFrontEnd({
    servers: { MBX1: { endpoints: { http: { port: server.port, tls: 'none' } } } },
    databases: { DB1: 'MBX1' },
    mailboxes: { 'ann@contoso.com': 'DB1' },
  });
});
afterAll(() => {
  front?.close();
  server?.close();
});

/** All that comes back for one request on a connection of its own. */
async function answerTo(target: string, method = 'GET'): Promise<string> {
  const socket = await dial(front.port);
  const answered = readAll(socket);
  socket.write(`${method} ${target} HTTP/1.1\r\nHost: mail.contoso.com\r\nConnection: close\r\n\r\n`);
  const end = setTimeout(() => socket.destroy(), 3000);
  const text = await answered;
  clearTimeout(end);
  return text;
}

test.each(Object.keys(answers))('%s: nobody gets more than his own answer', async (name) => {
  const first = await answerTo(`/owa/${encodeURIComponent(name)}`);
  expect(first).not.toContain('X-Split');
  // None where it was broken off before its head went out.
  expect((first.match(/HTTP\/1\.1 [2-5]/g) ?? []).length).toBeLessThanOrEqual(1);
  const next = await Promise.all(Array.from({ length: 3 }, (_, index) => answerTo(`/owa/next-${index}`)));
  next.forEach((text, index) => expect(text.endsWith(`\r\n\r\n/owa/next-${index}`)).toBe(true));
});

test('a body behind the answer to HEAD belongs to nobody', async () => {
  const first = await answerTo(`/owa/${encodeURIComponent('more behind a length')}`, 'HEAD');
  expect(first).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\n$/);
  expect(first).not.toContain('hello');
  expect(await answerTo('/owa/next')).toMatch(/\r\n\r\n\/owa\/next$/);
});
