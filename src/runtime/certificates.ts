import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecureContext } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { reasonOf } from '../errors.js';
import type { Logger } from '../observability/log.js';
import type { Snapshot } from '../session/door-services.js';
import type { Certificate } from '../topology/catalogue/catalogue.js';
import { nameKey } from '../topology/names.js';

interface Loaded {
  readonly context: SecureContext;
  readonly x509: X509Certificate;
  readonly source: Certificate;
  /** Which state of the files it was read from. */
  readonly version: string;
  /** Contexts that trust other authorities for the certificates of clients, by their file and its state. */
  readonly trusting: Map<string, SecureContext>;
}

/** The certificates of a front end. */
export interface CertificateStore {
  /** Reads the certificates of the estate; one that cannot be read keeps what was known of it, and is told. */
  load(snapshot: Snapshot): Promise<readonly string[]>;
  /** The named certificate, else the first that fits the asked name, then the front end's host, else the self-signed one. */
  contextFor(certificate: string | null, serverName: string | null, clientCa?: string | null): SecureContext;
  /** What an administrator should know, in words. */
  notes(): readonly string[];
  /**
   * Looks every `everyMs` whether the files of a certificate were replaced, and shows the new one from then on; what goes
   * on over the old one goes on. One that cannot be read is told, and the old one stays. The result ends it.
   */
  watch(everyMs: number, log: Pick<Logger, 'info' | 'error'>): () => void;
}

/** Sessions of clients that showed a certificate can be taken up again only where they are marked as ours. */
const basis = { minVersion: 'TLSv1.2', sessionIdContext: 'usher' } as const;

/** Files of authorities that are kept for one certificate. */
const trustingMax = 20;

export function createCertificateStore(stateFolder: string): CertificateStore {
  let byName = new Map<string, Loaded>();
  let frontEndHost = '';
  let selfSigned: Loaded | undefined;

  const fitting = (name: string | null): Loaded | undefined =>
    name === null ? undefined : [...byName.values()].find(({ x509 }) => x509.checkHost(name) !== undefined);
  return {
    async load({ topology, frontEnd }) {
      const problems: string[] = [];
      const next = new Map<string, Loaded>();
      for (const certificate of topology.certificates) {
        const key = nameKey(certificate.name);
        try {
          next.set(key, readCertificate(certificate));
        } catch (error) {
          problems.push(`certificate "${certificate.name}" cannot be used: ${reasonOf(error)}`);
          const known = byName.get(key);
          if (known) next.set(key, known);
        }
      }
      problems.push(...unreadableAuthorities(topology));
      byName = next;
      frontEndHost = frontEnd.host;
      if (!fitting(frontEndHost)) selfSigned ??= await ownCertificate(stateFolder, frontEnd.name, frontEnd.host);
      return problems;
    },
    contextFor(certificate, serverName, clientCa = null) {
      const chosen =
        certificate === null ? (fitting(serverName) ?? fitting(frontEndHost)) : byName.get(nameKey(certificate));
      const loaded = chosen ?? selfSigned ?? [...byName.values()][0];
      if (!loaded) throw new Error('no certificate was loaded');
      return clientCa === null ? loaded.context : trustingContext(loaded, clientCa);
    },
    watch(everyMs, log) {
      const told = new Map<string, string>();
      const look = (): void => {
        for (const [key, { source, version }] of byName) {
          const found = versionOf(source);
          if (found === version || found === told.get(key)) continue;
          try {
            byName.set(key, readCertificate(source));
            told.delete(key);
            log.info({ certificate: source.name }, 'a renewed certificate is shown from now on');
          } catch (error) {
            told.set(key, found);
            log.error({ certificate: source.name, error: reasonOf(error) }, 'a renewed certificate cannot be used');
          }
        }
      };
      const timer = setInterval(look, everyMs).unref();
      return () => clearInterval(timer);
    },
    notes: () =>
      selfSigned && !fitting(frontEndHost)
        ? [
            `no certificate fits ${frontEndHost}; doors with TLS show a self-signed one (make one with "usher certificate create")`,
          ]
        : [],
  };
}

function readCertificate(source: Certificate): Loaded {
  const { certFile, keyFile } = source;
  const version = versionOf(source);
  const cert = readFileSync(certFile);
  return {
    source,
    version,
    trusting: new Map(),
    context: createSecureContext({ ...basis, cert, key: readFileSync(keyFile) }),
    x509: new X509Certificate(cert),
  };
}

/** Files of authorities that doors ask the certificates of clients to be from. */
function unreadableAuthorities({ listeners }: Snapshot['topology']): string[] {
  return listeners.flatMap(({ name, clientCa }) => {
    if (clientCa === null) return [];
    try {
      createSecureContext({ ca: readFileSync(clientCa) });
      return [];
    } catch (error) {
      return [`listener "${name}": the authorities in ${clientCa} cannot be used: ${reasonOf(error)}`];
    }
  });
}

/** The same certificate, for clients whose own certificates are checked against the authorities of a file. */
function trustingContext({ source, trusting }: Loaded, clientCa: string): SecureContext {
  const key = `${clientCa} ${fileVersion(clientCa)}`;
  const known = trusting.get(key);
  if (known !== undefined) return known;
  const { certFile, keyFile } = source;
  const ca = readFileSync(clientCa);
  const context = createSecureContext({ ...basis, cert: readFileSync(certFile), key: readFileSync(keyFile), ca });
  if (trusting.size >= trustingMax) trusting.clear();
  trusting.set(key, context);
  return context;
}

const versionOf = ({ certFile, keyFile }: Certificate): string => [certFile, keyFile].map(fileVersion).join(' ');

function fileVersion(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 'missing' : `${found.ino}-${found.mtimeMs}-${found.size}`;
}

/** The self-signed certificate of a front end, made once and kept in the state folder. */
async function ownCertificate(folder: string, frontEnd: string, host: string): Promise<Loaded> {
  const base = join(folder, `${frontEnd.replace(/[^\w.-]/g, '_')}-self-signed`);
  const certificate = { name: 'self-signed', certFile: `${base}.pem`, keyFile: `${base}.key` };
  if (existsSync(certificate.certFile) && existsSync(certificate.keyFile)) {
    const loaded = readCertificate(certificate);
    if (Date.parse(loaded.x509.validTo) > Date.now() + 86_400_000) return loaded;
  }
  const { generate } = await import('selfsigned');
  const made = await generate([{ name: 'commonName', value: host }], {
    keyType: 'ec',
    curve: 'P-256',
    notAfterDate: new Date(Date.now() + 3650 * 86_400_000),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: host }] },
    ],
  });
  await mkdir(folder, { recursive: true, mode: 0o750 });
  await writeWhole(certificate.keyFile, made.private, 0o600);
  await writeWhole(certificate.certFile, made.cert, 0o644);
  return readCertificate(certificate);
}

async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  await writeFile(`${path}.new`, text, { mode });
  await rename(`${path}.new`, path);
}
