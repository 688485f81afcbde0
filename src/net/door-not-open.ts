import { isIPv6 } from 'node:net';
import { reasonOf, systemCodeOf, UsherError } from '../errors.js';

/** Why a listening socket could not be opened: which address, why, and the system's code. */
export function doorNotOpen(host: string, port: number, error: Error): UsherError {
  const code = systemCodeOf(error);
  const place = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const suffix = code === undefined ? '' : ` (${code})`;
  return new UsherError('failed', 'door-not-open', `${place} ${wordsOf(code, error)}${suffix}`, [], { cause: error });
}

function wordsOf(code: string | undefined, error: Error): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'is in use by another program';
    case 'EACCES':
      return 'needs the right to open ports below 1024';
    case 'EADDRNOTAVAIL':
      return 'is not an address of this machine';
    case 'EAFNOSUPPORT':
      return 'is of an address family that this machine does not have';
    case 'EMFILE':
    case 'ENFILE':
      return 'cannot be opened: too many files are open';
    default:
      return `cannot be opened: ${reasonOf(error)}`;
  }
}
