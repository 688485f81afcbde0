import { createSecureContext } from 'node:tls';
import { generate } from 'selfsigned';
import { expect, test } from 'vitest';
import { openCallStage } from './call-stage.js';
import { requestText, tlsClient } from './sip-client.js';

const kinds = [
  ['EC', { keyType: 'ec' }],
  ['RSA', { keyType: 'rsa', keySize: 2048 }],
] as const;

/** An authority that is always called the same, and a certificate of it. */
async function newAuthority(kind: (typeof kinds)[number][1]) {
  const basis = { ...kind, algorithm: 'sha256' } as const;
  const authority = await generate([{ name: 'commonName', value: 'authority of the gateways' }], {
    ...basis,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'gateway' }], {
    ...basis,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'gw3.contoso.com' }] }],
  });
  return { ca: authority.cert, cert, key };
}

test.each(kinds)('an authority that has a new key (%s): by address a gateway is known still', async (_, kind) => {
  const [old, renewed] = [await newAuthority(kind), await newAuthority(kind)];
  const context = createSecureContext({ cert: old.cert, key: old.key, ca: old.ca, sessionIdContext: 'sip' });
  const stage = await openCallStage({ secureContext: () => context });
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const [localAddress, code] of [
      ['127.0.0.1', 200],
      ['127.0.0.9', 403],
    ] as const) {
      const client = await tlsClient(stage.ports.tls, {
        maxVersion,
        localAddress,
        cert: renewed.cert,
        key: renewed.key,
      });
      for (const _ of Array(2)) {
        client.send(requestText('OPTIONS'));
        expect((await client.next()).code).toBe(code);
      }
      client.close();
      await client.closed();
    }
  }
  expect(stage.lines.filter(({ level }) => level === 'error')).toStrictEqual([]);
});
