// A process that plays a mailbox server: counts and discards uploads, and answers long polls only when it is told to.

import { createServer } from 'node:net';
import { pollPath } from './http-client-requests.mjs';
import { serveTasks } from './mail-access-worker.mjs';

/** @type {Set<import('node:net').Socket>} */
const polls = new Set();

serveTasks({
  listen: () =>
    new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true }, serve).once('error', reject);
      server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    }),
  pollCount: () => polls.size,
  release: () => {
    for (const socket of polls) socket.write(answer(''));
    polls.clear();
  },
});

/** @param {string} body */
function answer(body) {
  return `HTTP/1.1 200 OK\r\nX-Served-By: sink\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** @param {import('node:net').Socket} socket */
function serve(socket) {
  let head = '';
  let isPoll = false;
  let bytes = 0;
  /** Of the body, still to come; null: in the head. */
  let left = /** @type {number | null} */ (null);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => polls.delete(socket));
  socket.on('data', (chunk) => {
    if (left === null) {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (/^transfer-encoding:/im.test(head.slice(0, end))) return void socket.destroy();
      bytes = Number(/^content-length: *(\d+)/im.exec(head.slice(0, end))?.[1] ?? 0);
      left = bytes - (head.length - end - 4);
      isPoll = head.includes(` ${pollPath} `);
      head = '';
    } else {
      left -= chunk.length;
    }
    if (left > 0) return;
    left = null;
    if (isPoll) polls.add(socket);
    else socket.write(answer(String(bytes)));
  });
}
