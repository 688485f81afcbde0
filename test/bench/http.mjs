import { freePort, run } from './child.mjs';
import { figureLines, measure } from './harness.mjs';
import { startNginx } from './nginx.mjs';
import { startUsher } from './usher.mjs';

export const title = 'HTTP requests with Basic credentials, kept-alive connections, in front of one nginx';
export const programs = { nginx: 'nginx-light', wrk: 'wrk' };

const credentials = Buffer.from('ann@example.org:correct horse battery staple').toString('base64');
const path = '/ews/exchange.asmx';
const connections = 64;

/**
 * @param {{systems: 'all' | 'peers', rounds: number, seconds: number}} options
 * @returns {Promise<string[]>}
 */
export async function bench({ systems, rounds, seconds }) {
  const origin = await startNginx({ name: 'origin' });
  try {
    const peer = { name: 'nginx', peer: true, start: () => startProxy(origin.port) };
    const usher = { name: 'usher', peer: false, start: () => startFrontEnd(origin.port) };
    const figures = await measure({
      systems: systems === 'all' ? [peer, usher] : [peer],
      load: (port) => wrk(port, seconds),
      rounds,
    });
    return figureLines(figures);
  } finally {
    await origin.stop();
  }
}

/** @param {number} originPort */
async function startProxy(originPort) {
  const { pid, port, stop } = await startNginx({ name: 'proxy', proxyTo: originPort });
  return answering({ pids: [pid], target: port, stop });
}

/** @param {number} originPort */
async function startFrontEnd(originPort) {
  const port = await freePort();
  const { pid, stop } = await startUsher(estate(originPort, port), port);
  return answering({ pids: [pid], target: port, stop });
}

/**
 * A proxy that answers by itself would look fast.
 * @param {import('./harness.mjs').Running<number>} running
 */
async function answering(running) {
  try {
    const response = await fetch(`http://127.0.0.1:${running.target}${path}`, {
      headers: { authorization: `Basic ${credentials}` },
      signal: AbortSignal.timeout(10_000),
    });
    const servedBy = response.headers.get('x-served-by');
    await response.arrayBuffer();
    if (response.status === 200 && servedBy === 'origin') return running;
    throw new Error(
      `port ${running.target} answers ${response.status} from ${servedBy ?? 'itself'}, not from the origin`,
    );
  } catch (error) {
    await running.stop();
    throw error;
  }
}

/**
 * @param {number} originPort
 * @param {number} port
 */
function estate(originPort, port) {
  return {
    estate: 1,
    sites: [{ name: 'A' }],
    servers: [
      { name: 'EDGE1', host: 'localhost', site: 'A', roles: ['frontend'] },
      {
        name: 'MBX1',
        host: '127.0.0.1',
        site: 'A',
        roles: ['mailbox'],
        endpoints: { http: { port: originPort, tls: 'none' } },
      },
    ],
    databases: [{ name: 'DB1', copies: ['MBX1'] }],
    mailboxes: [{ address: 'ann@example.org', database: 'DB1' }],
    domains: [{ name: 'example.org', type: 'authoritative' }],
    listeners: [{ name: 'HTTP', protocol: 'http', bind: `127.0.0.1:${port}`, tls: 'none', plaintextLogin: true }],
  };
}

/**
 * @param {number} port
 * @param {number} seconds
 * @returns {Promise<import('./harness.mjs').Load>}
 */
async function wrk(port, seconds) {
  const output = await run('wrk', [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '-H',
    `Authorization: Basic ${credentials}`,
    `http://127.0.0.1:${port}${path}`,
  ]);
  const problem = /^\s*(Socket errors|Non-2xx or 3xx responses): .*$/m.exec(output);
  if (problem !== null) throw new Error(`wrk on port ${port}: ${problem[0].trim()}`);
  const total = /(\d+) requests in ([\d.]+)(ms|s|m),/.exec(output);
  if (total === null) throw new Error(`cannot read what wrk says: ${output}`);
  const unit = { ms: 0.001, s: 1, m: 60 }[total[3] ?? 's'] ?? 1;
  return { operations: Number(total[1]), seconds: Number(total[2]) * unit };
}
