import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { reasonOf } from '../../errors.js';
import type { TlsIdentity } from '../../net/tls-settings.js';
import type { LoginCredentials } from '../../protocols/sasl/login-credentials.js';
import type { SendConnector } from '../../topology/catalogue/catalogue.js';
import { nameKey } from '../../topology/names.js';
import type { Topology } from '../../topology/topology.js';

/** What a connector logs in with; `id` differs for each password and tells nothing about it. */
export interface ConnectorCredentials {
  readonly credentials: LoginCredentials | null;
  readonly id: string;
}

const passwordLengthMax = 4096;
// Ids are only compared within this process.
const salt = randomBytes(32);

/**
 * The user and password of a connector, read anew for each connection so that a new password needs no restart. Throws
 * where there is none to be had; the words name the file or variable, never what it holds.
 */
export async function credentialsOf({ name, auth }: SendConnector): Promise<ConnectorCredentials> {
  if (auth === null) return { credentials: null, id: '' };
  const { user, passwordFile, passwordEnv } = auth;
  const password = passwordFile === null ? fromEnvironment(name, passwordEnv ?? '') : await fromFile(passwordFile);
  if (password === '' || password.length > passwordLengthMax || /[\r\n\0]/.test(password)) {
    throw new Error(`the password in ${passwordFile ?? `$${passwordEnv}`} is no single line of up to 4096 characters`);
  }
  const id = createHash('sha256').update(salt).update(`${user}\0${password}`).digest('base64url');
  return { credentials: { kind: 'password', user, authorizationId: '', password }, id };
}

async function fromFile(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new Error(`the password file ${file} cannot be read: ${reasonOf(error)}`, { cause: error });
  });
  return text.replace(/\r?\n$/, '');
}

function fromEnvironment(connector: string, variable: string): string {
  const value = process.env[variable];
  if (value === undefined) {
    throw new Error(`the environment has no ${variable}, which holds the password of send connector "${connector}"`);
  }
  return value;
}

/** The certificate that a connector shows. */
export function identityOf({ certificate }: SendConnector, topology: Topology): TlsIdentity | null {
  if (certificate === null) return null;
  const known = topology.certificates.find(({ name }) => nameKey(name) === nameKey(certificate));
  return known === undefined ? null : { certFile: known.certFile, keyFile: known.keyFile };
}
