import { figuresOfFetches } from './mail-access-fetches.mjs';
import { hold, idleMemory } from './mail-access-idle.mjs';
import { figuresOfLogins } from './mail-access-logins.mjs';
import { startStage } from './mail-access-stage.mjs';

export const title = 'IMAP: logins, a long FETCH and idle connections, through usher and the proxies beside it';
export const programs = {
  dovecot: 'dovecot-imapd',
  haproxy: 'haproxy',
  nginx: 'nginx-light libnginx-mod-mail',
  openssl: 'openssl',
};
// Where the command line says nothing: all of it in less than four minutes.
export const rounds = 3;
export const seconds = 1.5;
const idleCount = 2000;

/**
 * @param {{systems: 'all' | 'peers', rounds: number, seconds: number, idle?: number | undefined,
 *   holdMinutes?: number | undefined}} options
 * @returns {Promise<string[]>}
 */
export async function bench({ systems, rounds, seconds, idle = idleCount, holdMinutes }) {
  if (holdMinutes !== undefined && systems === 'peers') throw new Error('it is usher that --hold holds');
  const stage = await startStage(systems);
  try {
    if (holdMinutes !== undefined) return await hold(stage, { count: idle, minutes: holdMinutes });
    const lines = [];
    for (const door of /** @type {const} */ (['plain', 'tls'])) {
      lines.push('', ...(await figuresOfLogins(stage, door, { rounds, seconds })));
    }
    for (const door of /** @type {const} */ (['plain', 'tls'])) {
      lines.push('', ...(await figuresOfFetches(stage, door, { rounds })));
    }
    for (const door of /** @type {const} */ (['plain', 'tls'])) {
      lines.push('', ...(await idleMemory(stage, door, idle)));
    }
    return lines;
  } finally {
    await stage.stop();
  }
}
