import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import { reasonOf, systemCodeOf } from '../errors.js';

/** How the certificate of a server is checked. */
export interface ServerCheck {
  /** Whether chain and name are checked; false accepts every certificate. */
  readonly verify: boolean;
  /** PEM file of the certificates to trust; null: the system's roots. */
  readonly ca: string | null;
  /** Name for SNI and for the check of the certificate's names; null: the host that was asked for. */
  readonly serverName: string | null;
}

/** The certificates to trust could not be used; the message names the file. */
class TrustUnreadable extends Error {
  override readonly name = 'TrustUnreadable';
}

// Where the systems keep the roots that administrators add to; Node's own list is used where none of them exists.
const systemRootFiles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

interface Loaded {
  readonly context: SecureContext;
  readonly version: string;
}

const contexts = new Map<string, Loaded>();

/**
 * The TLS context for connections to servers; one per file, loaded anew when the file changes.
 * Rejects with TrustUnreadable when the file of `ca` cannot be read or holds no certificate.
 */
export async function serverTrust(check: ServerCheck): Promise<SecureContext> {
  if (!check.verify) return contextOf('no check', '', null);
  if (check.ca !== null) return loadFile(check.ca);
  for (const file of systemRootFiles) {
    if ((await versionOf(file)) !== null) return loadFile(file);
  }
  return contextOf('built-in roots', '', null);
}

async function loadFile(file: string): Promise<SecureContext> {
  const version = await versionOf(file);
  const known = contexts.get(file);
  if (known !== undefined && known.version === version) return known.context;
  const pem = await readFile(file, 'latin1').catch((error: unknown) => {
    throw new TrustUnreadable(`the certificates to trust in ${file} cannot be read: ${reasonOf(error)}`, {
      cause: error,
    });
  });
  if (!pem.includes('-----BEGIN ')) throw new TrustUnreadable(`${file} holds no certificate to trust`);
  try {
    return contextOf(file, version ?? '', pem);
  } catch (error) {
    throw new TrustUnreadable(`the certificates to trust in ${file} are damaged: ${reasonOf(error)}`, { cause: error });
  }
}

function contextOf(key: string, version: string, ca: string | null): SecureContext {
  const known = contexts.get(key);
  if (known !== undefined && known.version === version) return known.context;
  const context = createSecureContext({ minVersion: 'TLSv1.2', ...(ca === null ? {} : { ca }) });
  contexts.set(key, { context, version });
  return context;
}

async function versionOf(file: string): Promise<string | null> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    if (systemCodeOf(error) !== undefined) return null;
    throw error;
  }
}
