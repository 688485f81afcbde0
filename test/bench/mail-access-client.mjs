// A process that plays mail clients over raw sockets: logins without end, a long FETCH, idle connections.

import { Buffer } from 'node:buffer';
import { connect as connectPlain } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { userName } from './mail-access-usher.mjs';
import { serveTasks } from './mail-access-worker.mjs';

const secureContext = createSecureContext({ minVersion: 'TLSv1.3' });
const answerTimeoutMs = 20_000;
let asked = 0;

/** @typedef {import('./mail-access-stage.mjs').Target} Target */

serveTasks({ logins, fetch, open, check, close });

/** @param {Target} target */
function connect({ port, door }) {
  const place = { host: '127.0.0.1', port, noDelay: true };
  return door === 'plain' ? connectPlain(place) : connectTls({ ...place, secureContext, rejectUnauthorized: false });
}

/** @param {Target} target */
function loginCommand({ mailboxes }) {
  asked += 1;
  return `a LOGIN ${userName(asked, mailboxes)} secret\r\n`;
}

/**
 * Connects and logs in.
 * @param {Target} target
 * @returns {Promise<import('node:net').Socket>}
 */
function logIn(target) {
  return new Promise((resolve, reject) => {
    const socket = connect(target);
    let text = '';
    let isGreeted = false;
    const fail = (/** @type {string} */ what) => {
      socket.destroy();
      reject(new Error(`port ${target.port}: ${what} after ${JSON.stringify(text.slice(-200))}`));
    };
    const onError = (/** @type {Error} */ error) => fail(error.message);
    const onClose = () => fail('closed before the login was confirmed');
    const onTimeout = () => fail('no answer in time');
    const onData = (/** @type {Buffer} */ chunk) => {
      text += chunk.toString('latin1');
      if (!text.endsWith('\r\n')) return;
      if (!isGreeted) {
        if (!text.startsWith('* OK')) return fail('no greeting');
        isGreeted = true;
        text = '';
        socket.write(loginCommand(target));
        return;
      }
      const tagged = /(?:^|\r\n)a (\S+)/.exec(text);
      if (tagged === null) return;
      if (tagged[1] !== 'OK') return fail('the login was refused');
      socket.off('data', onData).off('error', onError).off('close', onClose).off('timeout', onTimeout).setTimeout(0);
      resolve(socket);
    };
    socket.on('data', onData).on('error', onError).on('close', onClose);
    socket.setTimeout(answerTimeoutMs).on('timeout', onTimeout);
  });
}

/**
 * Sends a command and reads until its tagged answer is the last line.
 * @param {import('node:net').Socket} socket
 * @param {string} tag
 * @param {string} command
 * @returns {Promise<number>} the bytes that came
 */
function command(socket, tag, command) {
  const end = Buffer.from(`\r\n${tag} OK `);
  return new Promise((resolve, reject) => {
    let bytes = 2;
    /** @type {Buffer} */
    let tail = Buffer.from('\r\n');
    const settle = (/** @type {() => void} */ act) => {
      socket.off('data', onData).off('error', onError).off('close', onClose).off('timeout', onClose).setTimeout(0);
      act();
    };
    const onError = (/** @type {Error} */ error) => settle(() => reject(error));
    const onClose = () => settle(() => reject(new Error(`no answer to ${command} after ${bytes - 2} bytes`)));
    const onData = (/** @type {Buffer} */ chunk) => {
      bytes += chunk.length;
      tail = chunk.length >= 256 ? chunk.subarray(-256) : Buffer.concat([tail, chunk]).subarray(-256);
      if (tail.at(-1) === 10 && tail.includes(end)) settle(() => resolve(bytes - 2));
    };
    socket.on('data', onData).on('error', onError).on('close', onClose);
    socket.setTimeout(answerTimeoutMs).on('timeout', onClose);
    socket.write(`${tag} ${command}\r\n`);
  });
}

/**
 * Says goodbye and waits for the other side to close.
 * @param {import('node:net').Socket} socket
 */
async function logOut(socket) {
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await command(socket, 'z', 'LOGOUT');
  socket.end();
  await closed;
}

/**
 * Connect, LOGIN, LOGOUT, in so many places at once, for so long or as often; the first failure ends it all.
 * @param {{target: Target, parallel: number, seconds?: number, times?: number}} options
 */
async function logins({ target, parallel, seconds = 0, times = 0 }) {
  const start = performance.now();
  let operations = 0;
  const lane = async () => {
    while (operations < times || performance.now() - start < seconds * 1000) {
      await logOut(await logIn(target));
      operations += 1;
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  return { operations, seconds: (performance.now() - start) / 1000 };
}

/**
 * One long FETCH; the time is without the login.
 * @param {{target: Target, megabytes: number}} options
 */
async function fetch({ target, megabytes }) {
  const socket = await logIn(target);
  const start = performance.now();
  const bytes = await command(socket, 'f', `FETCH ${megabytes} BODY[]`);
  const seconds = (performance.now() - start) / 1000;
  if (bytes < megabytes * 1024 * 1024) throw new Error(`the FETCH brought ${bytes} bytes`);
  await logOut(socket);
  return { operations: megabytes, seconds };
}

/** @type {import('node:net').Socket[]} */
const idle = [];
let lost = 0;

/**
 * Opens connections that stay, logged in.
 * @param {{target: Target, count: number, parallel: number}} options
 */
async function open({ target, count, parallel }) {
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      const socket = await logIn(target);
      socket.resume().on('error', noteLost).on('end', noteLost);
      idle.push(socket);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
}

function noteLost() {
  lost += 1;
}

/** Whether every idle connection still reaches the mailbox server. */
async function check() {
  if (lost > 0) throw new Error(`${lost} of ${idle.length} idle connections were closed`);
  for (let first = 0; first < idle.length; first += 50) {
    await Promise.all(
      idle.slice(first, first + 50).map((socket) => command(socket, 'n', 'NOOP').then(() => socket.resume())),
    );
  }
}

async function close() {
  const sockets = idle.splice(0);
  lost = 0;
  const closed = sockets.map((socket) => {
    socket.off('end', noteLost);
    return new Promise((resolve) => socket.once('close', resolve).destroy());
  });
  await Promise.all(closed);
}
