import { generate } from 'selfsigned';

/** A self-signed certificate for the given names (and 127.0.0.1 when asked for), as PEM. */
export async function makeCertificate(
  names: readonly string[],
  withLoopback = false,
): Promise<{ key: string; cert: string }> {
  const pems = await generate([{ name: 'commonName', value: names[0] ?? 'test' }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...names.map((value) => ({ type: 2 as const, value })),
          ...(withLoopback ? [{ type: 7 as const, ip: '127.0.0.1' }] : []),
        ],
      },
    ],
  });
  return { key: pems.private, cert: pems.cert };
}
