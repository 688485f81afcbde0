import { closeSync, fstatSync, openSync, readSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, portOpen, run, startChild, tempDir } from './child.mjs';

export const sender = 'kim@fabrikam.com';
export const recipient = 'ann@example.org';

const loadSecondsMax = 60;
const counterTailBytes = 128;

/**
 * `kept`: a session sends its messages over one connection; `new`: it makes a connection for each message.
 * @typedef {'kept' | 'new'} Connections
 */

/** @typedef {{sessions: number, connections: Connections, count: number, lengthBytes: number}} MailLoad */

/** @typedef {{pid: number, port: number, taken: () => number, stop: () => Promise<void>}} Sink */

/**
 * Starts Postfix's smtp-sink: takes every message, keeps none, and counts them in a file.
 * @returns {Promise<Sink>}
 */
export async function startSink() {
  const port = await freePort();
  const counter = join(tempDir('sink'), 'counter');
  writeFileSync(counter, '');
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const script = 'counter=$1; shift; exec smtp-sink -c "$@" >>"$counter"';
  const args = [...user, '-h', 'mbx1.example.org', '-m', '2000', `127.0.0.1:${port}`, '1024'];
  const child = await startChild('sh', ['-c', script, 'sh', counter, ...args]);
  await portOpen(child, port);
  let last = 0;
  const taken = () => {
    last = lastCount(counter) ?? last;
    // The sink appends, so what has been read can go.
    truncateSync(counter);
    return last;
  };
  return { pid: child.pid, port, taken, stop: child.stop };
}

/**
 * smtp-sink writes "sess=N quit=N mesg=N" anew at each change.
 * @param {string} path
 * @returns {number | undefined} undefined where nothing was written since the file was emptied
 */
function lastCount(path) {
  const file = openSync(path, 'r');
  try {
    const tail = Buffer.alloc(counterTailBytes);
    const length = readSync(file, tail, 0, tail.length, Math.max(0, fstatSync(file).size - tail.length));
    const count = /.*mesg=(\d+)\r/s.exec(tail.toString('latin1', 0, length))?.[1];
    return count === undefined ? undefined : Number(count);
  } finally {
    closeSync(file);
  }
}

/**
 * Sends messages to a port with smtp-source.
 * @param {number} port
 * @param {Sink} sink which shall take them
 * @param {MailLoad} load
 * @returns {Promise<number>} the seconds it took
 * @throws {Error} where a message was refused, or the sink took more or fewer
 */
export async function sendMail(port, sink, { sessions, connections, count, lengthBytes }) {
  const args = ['-s', String(sessions), '-m', String(count), '-l', String(lengthBytes), '-C', '10'];
  const envelope = ['-M', 'client.fabrikam.com', '-f', sender, '-t', recipient];
  if (connections === 'kept') args.push('-d');
  const before = sink.taken();
  const command = [
    '--foreground',
    String(loadSecondsMax),
    'smtp-source',
    ...args,
    ...envelope,
    `inet:127.0.0.1:${port}`,
  ];
  try {
    const start = performance.now();
    await run('timeout', command);
    const seconds = (performance.now() - start) / 1000;
    const taken = sink.taken() - before;
    if (taken !== count) throw new Error(`${count} messages sent, the server took ${taken}`);
    return seconds;
  } catch (error) {
    // What is still on its way must not be counted as the next system's.
    await sleep(1000);
    sink.taken();
    throw new Error(lastLine(error), { cause: error });
  }
}

/**
 * smtp-source says last what made it end.
 * @param {unknown} error
 */
function lastLine(error) {
  const text = error instanceof Error ? error.message : String(error);
  return (text.trim().split('\n').at(-1) ?? '').replace(/^timeout .* exits /, 'smtp-source exits ');
}
