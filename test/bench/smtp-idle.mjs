import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { memoryOf } from './smtp-memory.mjs';

const openingAtOnce = 100;
const answerMsMax = 30_000;
const settleMs = 3000;

/**
 * Opens connections that greet and then say nothing more, and closes them.
 * @param {import('./harness.mjs').Running<number>} running with its port
 * @param {number} count
 * @returns {Promise<number>} bytes that the system's processes grew by for each
 * @throws {Error} where one is not answered
 */
export async function idleConnectionBytes({ pids, target }, count) {
  const before = memoryOf(pids).nowBytes;
  /** @type {import('node:net').Socket[]} */
  const sockets = [];
  try {
    while (sockets.length < count) {
      const batch = Array.from({ length: Math.min(openingAtOnce, count - sockets.length) }, () => greet(target));
      sockets.push(...(await Promise.all(batch)));
    }
    await sleep(settleMs);
    const closed = sockets.filter((socket) => socket.destroyed || socket.readableEnded).length;
    if (closed > 0) throw new Error(`${closed} of ${count} idle connections were closed`);
    return (memoryOf(pids).nowBytes - before) / count;
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/**
 * A connection whose EHLO was answered.
 * @param {number} port
 * @returns {Promise<import('node:net').Socket>}
 */
function greet(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    let greeted = false;
    const fail = (/** @type {string} */ reason) => {
      socket.destroy();
      reject(new Error(`idle connection on port ${port}: ${reason}`));
    };
    const timer = setTimeout(() => fail('no answer'), answerMsMax);
    socket.setEncoding('latin1');
    socket.on('data', (/** @type {string} */ chunk) => {
      text += chunk;
      if (!/^\d{3} .*\r\n/m.test(text)) return;
      const reply = text.trim();
      text = '';
      if (!/^2\d\d/.test(reply)) return fail(reply);
      if (greeted) {
        clearTimeout(timer);
        return resolve(socket);
      }
      greeted = true;
      socket.write('EHLO client.fabrikam.com\r\n');
    });
    socket.on('error', ({ message }) => fail(message));
    socket.on('end', () => fail('closed'));
  });
}
