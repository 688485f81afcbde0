import { get as getPlain } from 'node:http';
import { get as getTls } from 'node:https';
import { authorizationOf } from './http-users.mjs';

/** What wrk asks for. */
export const smallPath = '/ews/exchange.asmx';

/** @param {import('./http-systems.mjs').Target} target */
export function urlOf({ port, door }) {
  return `${door === 'tls' ? 'https' : 'http'}://127.0.0.1:${port}${smallPath}`;
}

/**
 * A proxy that answers by itself, or from another server, would look fast.
 * @param {import('./http-systems.mjs').Target} target
 * @param {number} user
 * @param {import('./http-users.mjs').MailboxServer} server that is to answer
 */
export async function checkServedBy(target, user, server) {
  const { status, servedBy } = await ask(target, user);
  if (status === 200 && servedBy === server) return;
  throw new Error(`port ${target.port} answers ${status} from ${servedBy ?? 'itself'}, not from ${server}`);
}

/**
 * @param {import('./http-systems.mjs').Target} target
 * @param {number} user
 * @returns {Promise<{status: number, servedBy: string | undefined}>}
 */
function ask(target, user) {
  const get = target.door === 'tls' ? getTls : getPlain;
  const options = {
    headers: { authorization: authorizationOf(user) },
    rejectUnauthorized: false,
    agent: false,
    timeout: 10_000,
  };
  return new Promise((resolve, reject) => {
    const request = get(urlOf(target), options, (response) => {
      const servedBy = response.headers['x-served-by'];
      response.resume().once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, servedBy: servedBy?.toString() }));
    });
    request.once('error', reject);
    request.once('timeout', () => request.destroy(new Error(`port ${target.port} does not answer`)));
  });
}
