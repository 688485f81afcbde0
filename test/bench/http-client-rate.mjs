import { connect } from 'node:net';
import { smallPath } from './http-ask.mjs';
import { getRequest } from './http-client-requests.mjs';

/**
 * What one load at a steady rate showed, in milliseconds.
 * @typedef {{p50Ms: number, p99Ms: number, perSecond: number}} Latency
 */

const overtimeMs = 2000;
const napMs = 0.1;
const napping = new Int32Array(new SharedArrayBuffer(4));

/**
 * Asks for a small answer so many times a second, whether or not the answers come. What is due while all connections
 * are busy waits for one, and its waiting counts. Between two looks at its sockets the process sleeps 0.1 ms: a timer
 * of Node would send what is due in a whole millisecond at once.
 * @param {{target: import('./http-systems.mjs').Target, perSecond: number, seconds: number, connections: number}} options
 * @returns {Promise<Latency>}
 */
export async function rate({ target, perSecond, seconds, connections }) {
  /** @type {number[]} */
  const latencies = [];
  /** When what waits for a connection was due. @type {number[]} */
  const waiting = [];
  /** @type {import('node:net').Socket[]} */
  const idle = [];
  /** @type {{error: Error | undefined}} */
  const failure = { error: undefined };
  const request = Buffer.from(getRequest(smallPath, 0));
  /** @type {Map<import('node:net').Socket, number>} */
  const dueOf = new Map();
  const send = (/** @type {import('node:net').Socket} */ socket, /** @type {number} */ due) => {
    dueOf.set(socket, due);
    socket.write(request);
  };
  const sockets = await Promise.all(Array.from({ length: connections }, () => openConnection(target.port)));
  for (const socket of sockets) {
    socket.on('close', () => (failure.error ??= new Error(`port ${target.port} closed a connection`)));
    onAnswers(socket, (problem) => {
      if (problem !== undefined) failure.error ??= new Error(`port ${target.port}: ${problem}`);
      latencies.push(performance.now() - (dueOf.get(socket) ?? 0));
      const next = waiting.shift();
      if (next === undefined) idle.push(socket);
      else send(socket, next);
    });
    idle.push(socket);
  }
  const total = Math.round(perSecond * seconds);
  const start = performance.now();
  for (let sent = 0; latencies.length < total && failure.error === undefined; ) {
    const now = performance.now();
    if (now - start > seconds * 1000 + overtimeMs) break;
    for (const due = Math.min(total, ((now - start) / 1000) * perSecond); sent < due; sent++) {
      const socket = idle.shift();
      if (socket === undefined) waiting.push(now);
      else send(socket, now);
    }
    Atomics.wait(napping, 0, 0, napMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const elapsed = (performance.now() - start) / 1000;
  const error = failure.error;
  for (const socket of sockets) socket.removeAllListeners('close').destroy();
  if (error !== undefined) throw error;
  const isHeld = latencies.length === total;
  return { ...percentiles(isHeld ? latencies : [Infinity]), perSecond: latencies.length / elapsed };
}

/** @param {number[]} latencies */
function percentiles(latencies) {
  const sorted = Float64Array.from(latencies).sort();
  const at = (/** @type {number} */ share) => sorted[Math.floor((sorted.length - 1) * share)] ?? Infinity;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

/**
 * @param {number} port
 * @returns {Promise<import('node:net').Socket>}
 */
function openConnection(port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true }).once('error', reject);
    socket.once('connect', () => resolve(socket));
  });
}

/**
 * @param {import('node:net').Socket} socket
 * @param {(problem: string | undefined) => void} onAnswer
 */
function onAnswers(socket, onAnswer) {
  let text = '';
  socket.on('data', (chunk) => {
    text = text === '' ? chunk.toString('latin1') : text + chunk.toString('latin1');
    const headEnd = text.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
    const isWhole = length === undefined ? text.endsWith('\r\n0\r\n\r\n') : text.length >= headEnd + 4 + Number(length);
    if (!isWhole) return;
    const problem = text.startsWith('HTTP/1.1 200') ? undefined : text.slice(0, 40);
    text = '';
    onAnswer(problem);
  });
}
