import { connect as connectPlain } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { pollRequest } from './http-client-requests.mjs';
import { sinkUser } from './http-users.mjs';

const secureContext = createSecureContext({ minVersion: 'TLSv1.3' });
const answerTimeoutMs = 20_000;

/** @typedef {{socket: import('node:net').Socket, text: string}} Poll */

/** @type {Poll[]} */
const polls = [];
let lost = 0;

/**
 * Sends long polls, each of another user over a connection of its own.
 * @param {{target: import('./http-systems.mjs').Target, count: number, parallel: number}} options
 */
export async function open({ target, count, parallel }) {
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      const poll = { socket: await connected(target), text: '' };
      poll.socket.on('close', noteLost).on('data', (chunk) => (poll.text += chunk.toString('latin1')));
      poll.socket.write(pollRequest(sinkUser(polls.length)));
      polls.push(poll);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
}

function noteLost() {
  lost += 1;
}

/**
 * @param {import('./http-systems.mjs').Target} target
 * @returns {Promise<import('node:net').Socket>}
 */
function connected({ port, door }) {
  const place = { host: '127.0.0.1', port, noDelay: true };
  return new Promise((resolve, reject) => {
    const socket =
      door === 'plain' ? connectPlain(place) : connectTls({ ...place, secureContext, rejectUnauthorized: false });
    socket.once('error', reject);
    socket.once(door === 'plain' ? 'connect' : 'secureConnect', () => {
      socket.off('error', reject).on('error', () => socket.destroy());
      resolve(socket);
    });
  });
}

/**
 * Silence: no poll may have an answer yet. Answers: waits until each has the one that the server was told to give.
 * @param {{expect: 'silence' | 'answers'}} options
 */
export async function check({ expect }) {
  const answered = () => polls.filter(({ text }) => text !== '').length;
  if (expect === 'silence') {
    if (answered() > 0) throw new Error(`${answered()} of ${polls.length} polls were answered`);
  } else {
    for (let waitedMs = 0; answered() < polls.length && waitedMs < answerTimeoutMs; waitedMs += 50) await sleep(50);
    const odd = polls.find(({ text }) => !isFromSink(text));
    if (odd !== undefined) throw new Error(`a poll got ${JSON.stringify(odd.text)}`);
  }
  if (lost > 0) throw new Error(`${lost} of ${polls.length} connections with polls were closed`);
}

/** @param {string} text */
function isFromSink(text) {
  return text.startsWith('HTTP/1.1 200 ') && /^x-served-by: sink\r$/im.test(text);
}

export async function close() {
  const closed = polls.splice(0).map(({ socket }) => {
    socket.off('close', noteLost);
    return new Promise((resolve) => (socket.destroyed ? resolve(undefined) : socket.once('close', resolve).destroy()));
  });
  await Promise.all(closed);
  lost = 0;
}
