import { writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { tempDir } from '../temp-dir.js';

/** PEM files: an authority made for this call, and a certificate signed by it. */
export interface TestCertificate {
  readonly caFile: string;
  /** The certificate, then the authority's. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface TestCertificateOptions {
  /** Where the files go; default a new temporary directory. */
  readonly directory?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** Makes a certificate for host names and addresses; valid from yesterday for a year where not said otherwise. */
export async function makeCertificate(
  names: readonly [string, ...string[]],
  options: TestCertificateOptions = {},
): Promise<TestCertificate> {
  const validity = {
    notBeforeDate: options.notBefore ?? new Date(Date.now() - 86_400_000),
    notAfterDate: options.notAfter ?? new Date(Date.now() + 365 * 86_400_000),
  };
  const authority = await generate([{ name: 'commonName', value: `authority of ${names[0]}` }], {
    ...validity,
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, digitalSignature: true, critical: true },
    ],
  });
  const leaf = await generate([{ name: 'commonName', value: names[0] }], {
    ...validity,
    keyType: 'ec',
    algorithm: 'sha256',
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name })),
      },
    ],
  });
  const directory = options.directory ?? tempDir('certificate');
  const cert = `${leaf.cert.trim()}\n${authority.cert.trim()}\n`;
  const write = (file: string, text: string, mode: number): string => {
    const path = join(directory, file);
    writeFileSync(path, text, { mode });
    return path;
  };
  return {
    caFile: write('ca.pem', authority.cert, 0o644),
    certFile: write('cert.pem', cert, 0o644),
    keyFile: write('key.pem', leaf.private, 0o600),
    ca: authority.cert,
    cert,
    key: leaf.private,
  };
}
