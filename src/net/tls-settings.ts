import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { reasonOf, systemCodeOf } from '../errors.js';

/** How the certificate of a server is checked. */
export interface ServerCheck {
  /** Whether chain and name are checked; false accepts every certificate. */
  readonly verify: boolean;
  /** PEM file of the certificates to trust; null: the system's roots. */
  readonly ca: string | null;
  /** Name for SNI and for the check of the certificate's names; null: the host that was asked for. */
  readonly serverName: string | null;
  /** What we show to a server that asks who we are; nothing unless given. */
  readonly identity?: TlsIdentity | null | undefined;
}

/** A certificate of our own: PEM files of its chain and its key. */
export interface TlsIdentity {
  readonly certFile: string;
  readonly keyFile: string;
}

/** The certificates to trust, or our own, could not be used; the message names the file. */
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
 * The TLS context for connections to servers; one for each set of files, loaded anew when one of them changes.
 * Rejects with TrustUnreadable when a file cannot be read or does not hold what it should.
 */
export async function serverTrust({
  verify,
  ca,
  identity = null,
}: Omit<ServerCheck, 'serverName'>): Promise<SecureContext> {
  const roots = verify ? (ca ?? (await systemRoots())) : null;
  const key = [verify, roots, identity?.certFile, identity?.keyFile].join('\n');
  const files = [roots, identity?.certFile, identity?.keyFile].filter((file) => typeof file === 'string');
  const version = (await Promise.all(files.map(versionOf))).join(' ');
  const known = contexts.get(key);
  if (known !== undefined && known.version === version) return known.context;
  const context = await load(roots, identity);
  contexts.set(key, { context, version });
  return context;
}

/** The first file of the system that is there; null: Node's own list. */
async function systemRoots(): Promise<string | null> {
  for (const file of systemRootFiles) {
    if ((await versionOf(file)) !== null) return file;
  }
  return null;
}

async function load(roots: string | null, identity: TlsIdentity | null): Promise<SecureContext> {
  const trusted =
    roots === null ? {} : { ca: await readPem(roots, 'the certificates to trust in', 'certificate to trust') };
  const trusting = { minVersion: 'TLSv1.2', ...trusted } as const;
  const context = tryContext(trusting, roots ?? 'built-in roots', 'the certificates to trust in');
  if (identity === null) return context;
  const words = 'our certificate in';
  const cert = await readPem(identity.certFile, words, 'certificate');
  const key = await readPem(identity.keyFile, 'the key in', 'key');
  return tryContext({ ...trusting, cert, key }, identity.certFile, words);
}

async function readPem(file: string, what: string, missing: string): Promise<string> {
  const pem = await readFile(file, 'latin1').catch((error: unknown) => {
    throw new TrustUnreadable(`${what} ${file} cannot be read: ${reasonOf(error)}`, { cause: error });
  });
  if (!pem.includes('-----BEGIN ')) throw new TrustUnreadable(`${file} holds no ${missing}`);
  return pem;
}

function tryContext(options: SecureContextOptions, file: string, what: string): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    throw new TrustUnreadable(`${what} ${file} cannot be used: ${reasonOf(error)}`, { cause: error });
  }
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
