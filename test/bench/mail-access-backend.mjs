// A process that plays a mailbox server: takes every login, and sends a long message for a FETCH.

import { Buffer } from 'node:buffer';
import { createServer } from 'node:net';
import { serveTasks } from './mail-access-worker.mjs';

const capabilities = 'IMAP4rev1 LITERAL+ SASL-IR ID IDLE AUTH=PLAIN';
const block = Buffer.from(`${'a line of a long message '.repeat(3).trimEnd()}\r\n`.repeat(4096));

serveTasks({
  listen: () =>
    new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true }, serve).once('error', reject);
      server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    }),
});

/** @param {import('node:net').Socket} socket */
function serve(socket) {
  let held = '';
  /** The tag of a command whose literal or SASL response is on the next line. */
  let open = '';
  socket.on('error', () => socket.destroy());
  socket.write(`* OK [CAPABILITY ${capabilities}] scripted ready\r\n`);
  socket.on('data', (chunk) => {
    const lines = (held + chunk.toString('latin1')).split('\r\n');
    held = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
  const take = (/** @type {string} */ line) => {
    const [tag = '', verb = ''] = open === '' ? line.split(' ', 2) : [open, 'LOGIN'];
    const waits = /\{\d+\}$/.test(line) || (open === '' && /^\S+ AUTHENTICATE \S+$/i.test(line));
    open = waits ? tag : '';
    if (waits) socket.write('+ \r\n');
    else answer(socket, tag, verb.toUpperCase(), line);
  };
}

/**
 * @param {import('node:net').Socket} socket
 * @param {string} tag
 * @param {string} verb
 * @param {string} line
 */
function answer(socket, tag, verb, line) {
  switch (verb) {
    case 'LOGIN':
    case 'AUTHENTICATE':
      socket.write(`${tag} OK [CAPABILITY ${capabilities}] Logged in\r\n`);
      return;
    case 'CAPABILITY':
      socket.write(`* CAPABILITY ${capabilities}\r\n${tag} OK done\r\n`);
      return;
    case 'LOGOUT':
      socket.end(`* BYE\r\n${tag} OK done\r\n`);
      return;
    case 'FETCH':
      sendMessage(socket, tag, Number(/ (\d+) /.exec(line)?.[1]) * 1024 * 1024);
      return;
    case 'ID':
    case 'NOOP':
      socket.write(`${tag} OK done\r\n`);
      return;
    default:
      socket.write(`${tag} BAD what?\r\n`);
  }
}

/**
 * @param {import('node:net').Socket} socket
 * @param {string} tag
 * @param {number} bytes
 */
function sendMessage(socket, tag, bytes) {
  let left = bytes;
  const pump = () => {
    while (left > 0) {
      const piece = left < block.length ? block.subarray(0, left) : block;
      left -= piece.length;
      if (!socket.write(piece)) return void socket.once('drain', pump);
    }
    socket.write(`)\r\n${tag} OK done\r\n`);
  };
  socket.write(`* 1 FETCH (BODY[] {${bytes}}\r\n`);
  pump();
}
