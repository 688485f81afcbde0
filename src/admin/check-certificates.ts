import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { reasonOf } from '../errors.js';
import type { Certificate, ReceiveConnector, Server } from '../topology/catalogue/catalogue.js';
import { belongsTo } from '../topology/check/doors.js';
import type { Finding } from '../topology/check/finding.js';
import { errorOf, warningOf } from '../topology/check/finding.js';
import { namesText } from '../topology/check/reach.js';
import type { Topology } from '../topology/topology.js';
import { isFrontEnd } from '../topology/topology.js';

/** A file of a certificate or a key is never larger. */
const fileSizeMax = 1024 * 1024;
const dayMs = 86_400_000;
/** How long before its end a certificate is told of. */
const noticeMs = 14 * dayMs;

/** The certificate files as this machine has them, and the doors that will show a self-signed one. */
export function checkCertificates(topology: Topology, now: Date): Finding[] {
  const findings: Finding[] = [];
  const usable: X509Certificate[] = [];
  for (const certificate of topology.certificates) {
    const read = readCertificate(certificate);
    if ('x509' in read) {
      usable.push(read.x509);
      findings.push(...checkDates(certificate, read.x509, now));
    } else findings.push(read.finding);
  }
  return [...findings, ...findSelfSigned(topology, usable), ...findUnreadable(topology)];
}

/** Files of listeners and send connectors that cannot be read here. */
function findUnreadable({ listeners, sendConnectors }: Topology): Finding[] {
  const look = (noun: 'listener' | 'send-connector', name: string, path: readonly string[], file: string | null) => {
    const read = file === null ? { value: file } : attempt(() => readBounded(file));
    if (!('reason' in read)) return [];
    const report = noun === 'listener' ? errorOf(noun) : warningOf(noun);
    const message = `${noun === 'listener' ? '' : `has ${path.join('.')} `}${file}, which cannot be read: ${read.reason}`;
    return [report(name, [...path], 'file-unreadable', message)];
  };
  return [
    ...listeners.flatMap(({ name, clientCa }) => look('listener', name, ['clientCa'], clientCa)),
    ...sendConnectors.flatMap(({ name, ca, auth }) => [
      ...look('send-connector', name, ['ca'], ca),
      ...look('send-connector', name, ['auth', 'passwordFile'], auth?.passwordFile ?? null),
    ]),
  ];
}

type ReadCertificate = { readonly x509: X509Certificate } | { readonly finding: Finding };

function readCertificate({ name, certFile, keyFile }: Certificate): ReadCertificate {
  const refuse = (field: string, code: string, message: string): ReadCertificate => ({
    finding: errorOf('certificate')(name, [field], code, message),
  });
  const cert = attempt(() => readBounded(certFile));
  if ('reason' in cert)
    return refuse('certFile', 'certificate-unreadable', `${certFile} cannot be read: ${cert.reason}`);
  const key = attempt(() => readBounded(keyFile));
  if ('reason' in key) return refuse('keyFile', 'certificate-unreadable', `${keyFile} cannot be read: ${key.reason}`);
  const x509 = attempt(() => new X509Certificate(cert.value));
  if ('reason' in x509)
    return refuse('certFile', 'certificate-unusable', `${certFile} holds no certificate in PEM (${x509.reason})`);
  const privateKey = attempt(() => createPrivateKey(key.value));
  if ('reason' in privateKey) {
    const message = `${keyFile} holds no private key in PEM without a passphrase (${privateKey.reason})`;
    return refuse('keyFile', 'certificate-unusable', message);
  }
  if (!x509.value.checkPrivateKey(privateKey.value)) {
    return refuse('keyFile', 'certificate-mismatch', `${keyFile} is not the key of the certificate in ${certFile}`);
  }
  const context = attempt(() => createSecureContext({ cert: cert.value, key: key.value, minVersion: 'TLSv1.2' }));
  if ('reason' in context) return refuse('certFile', 'certificate-unusable', `cannot be used: ${context.reason}`);
  return { x509: x509.value };
}

function attempt<T>(work: () => T): { readonly value: T } | { readonly reason: string } {
  try {
    return { value: work() };
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

function readBounded(path: string): Buffer {
  const stat = statSync(path);
  if (!stat.isFile() || stat.size > fileSizeMax) throw new Error('it is no regular file of at most 1 MB');
  return readFileSync(path);
}

function checkDates({ name, certFile }: Certificate, x509: X509Certificate, now: Date): Finding[] {
  const warning = warningOf('certificate');
  const [from, to] = [Date.parse(x509.validFrom), Date.parse(x509.validTo)];
  const time = now.getTime();
  if (to <= time) {
    const message = `expired on ${x509.validTo}; put a new one in ${certFile}`;
    return [warning(name, ['certFile'], 'certificate-expired', message)];
  }
  if (from > time) {
    return [warning(name, ['certFile'], 'certificate-not-yet-valid', `is valid only from ${x509.validFrom}`)];
  }
  if (to - time > noticeMs) return [];
  const message = `expires on ${x509.validTo}; put a new one in ${certFile}`;
  return [warning(name, ['certFile'], 'certificate-expires-soon', message)];
}

const hasTls = ({ enabled, auth, implicitTls }: ReceiveConnector): boolean =>
  enabled && (implicitTls || auth.includes('tls'));

/** Front ends with TLS doors that name no certificate, and none of the estate's fits. */
function findSelfSigned(topology: Topology, usable: readonly X509Certificate[]): Finding[] {
  const doors = [
    ...topology.listeners.filter(({ tls }) => tls !== 'none'),
    ...topology.receiveConnectors.filter(hasTls),
  ].filter(({ certificate }) => certificate === null);
  return topology.servers.filter(isFrontEnd).flatMap((frontEnd: Server) => {
    const own = doors.filter((door) => belongsTo(door, frontEnd));
    if (own.length === 0 || usable.some((x509) => x509.checkHost(frontEnd.host) !== undefined)) return [];
    const message = `has no certificate that fits ${frontEnd.host}; ${namesText(own)} will show a self-signed one that clients refuse or ask about; add one with "usher certificate create"`;
    return [warningOf('server')(frontEnd.name, ['host'], 'self-signed-certificate', message)];
  });
}
