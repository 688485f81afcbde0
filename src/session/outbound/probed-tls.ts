import type { X509Certificate } from 'node:crypto';
import { printable } from '../../protocols/smtp/replies.js';
import type { ServerTls } from '../smtp/server-tls.js';

/** What protected a conversation: version and cipher as OpenSSL names them. */
export interface ProbedTls {
  readonly version: string;
  readonly cipher: string;
  /** Null: the host showed none. */
  readonly certificate: ProbedCertificate | null;
}

export interface ProbedCertificate {
  /** `CN=mx.example, O=Example`. */
  readonly subject: string;
  readonly issuer: string;
  /** DNS names and addresses that it is for. */
  readonly names: readonly string[];
  /** UTC, as `2027-11-23T10:00:00.000Z`. */
  readonly validUntil: string;
  readonly verified: boolean;
  /** Why it is not verified. */
  readonly problem: string | null;
}

/** Of chain and name. */
export type CertificateCheck =
  | { readonly kind: 'none' | 'passed' }
  | { readonly kind: 'failed'; readonly reason: string };

const namesMax = 100;
const nameInList = /(?:DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g;

export function probedTls({ version, cipher, peer }: ServerTls, check: CertificateCheck): ProbedTls {
  return { version, cipher, certificate: peer === null ? null : certificateOf(peer, check) };
}

function certificateOf(peer: X509Certificate, check: CertificateCheck): ProbedCertificate {
  const names = Array.from((peer.subjectAltName ?? '').matchAll(nameInList), ([, name = '']) => printable(name));
  return {
    subject: nameWords(peer.subject),
    issuer: nameWords(peer.issuer),
    names: names.slice(0, namesMax),
    validUntil: timeWords(peer.validTo),
    verified: check.kind === 'passed',
    problem: problemOf(check),
  };
}

function problemOf(check: CertificateCheck): string | null {
  switch (check.kind) {
    case 'none':
      return 'the connector does not ask for it to be checked';
    case 'passed':
      return null;
    case 'failed':
      return check.reason;
  }
}

// One attribute a line; a certificate of nobody has none.
const nameWords = (name: string | undefined): string => printable((name ?? '').trim().replaceAll('\n', ', '));

/** From `Nov 23 10:00:00 2027 GMT`. */
function timeWords(text: string): string {
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? printable(text) : new Date(atMs).toISOString();
}
