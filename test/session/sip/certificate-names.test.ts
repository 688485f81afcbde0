import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { generate } from 'selfsigned';
import { beforeAll, expect, test } from 'vitest';
import { type Door, openDoor } from '../../../src/net/accept.js';
import { terminateTls } from '../../../src/net/terminate-tls.js';
import { certificateNames } from '../../../src/session/sip/certificate-names.js';
import { makeCertificate, type TestCertificate } from '../../support/peers/certificate.js';
import { until } from '../../support/until.js';
import { afterwards } from './call-stage.js';
import { tlsClient } from './sip-client.js';

type Shown = { readonly cert: string; readonly key: string } | undefined;

let own: TestCertificate;
let authority: { cert: string; private: string };

beforeAll(async () => {
  own = await makeCertificate(['cas1.contoso.com']);
  authority = await generate([{ name: 'commonName', value: 'authority of the gateways' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
});

type AltName = { readonly type: 2 | 6; readonly value: string };

async function signed(altNames: AltName[], commonName = 'gateway', validity = {}): Promise<Shown> {
  const made = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: { key: authority.private, cert: authority.cert },
    ...validity,
    extensions: [
      { name: 'basicConstraints', cA: false },
      ...(altNames.length === 0 ? [] : [{ name: 'subjectAltName' as const, altNames }]),
    ],
  });
  return { cert: made.cert, key: made.private };
}

const dns = (...names: string[]): AltName[] => names.map((value) => ({ type: 2, value }));

/** The names that are taken from what a client shows, with TLS 1.2 and 1.3. */
async function namesOf(shown: Shown, context?: SecureContext): Promise<readonly string[]> {
  const { cert, key } = own;
  const secureContext = context ?? createSecureContext({ cert, key, ca: authority.cert });
  const seen: (readonly string[])[] = [];
  const read = async (socket: Socket): Promise<void> => {
    const options = { contextFor: () => secureContext, asksCertificate: true, timeoutMs: 5000 } as const;
    const secure = await terminateTls(socket, { ...options, pending: 'handshake' });
    seen.push(certificateNames(secure));
    secure.end();
  };
  const door: Door = await openDoor({
    host: '127.0.0.1',
    port: 0,
    onConnection: (socket) => void read(socket),
  });
  afterwards(() => door.close());
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const client = await tlsClient(door.address.port, { ...shown, maxVersion });
    await client.closed();
  }
  await until('both to be read', () => seen.length === 2);
  expect(seen[0]).toStrictEqual(seen[1]);
  return seen[0] ?? [];
}

test('DNS names and SIP URIs, in lower case', async () => {
  const shown = await signed([...dns('GW.contoso.com', 'gw2.contoso.com'), { type: 6, value: 'sip:Gw3.contoso.com' }]);
  expect(await namesOf(shown)).toStrictEqual(['gw.contoso.com', 'gw2.contoso.com', 'gw3.contoso.com']);
});

test('no wildcards, URIs of users or of others, and no common name', async () => {
  const uris: AltName[] = ['sip:ann@contoso.com', 'https://contoso.com', 'sip:contoso.com;a=b'].map((value) => ({
    type: 6,
    value,
  }));
  expect(await namesOf(await signed([...dns('*.contoso.com'), ...uris], 'gw.contoso.com'))).toStrictEqual([]);
  expect(await namesOf(await signed([], 'gw.contoso.com'))).toStrictEqual([]);
});

test('a name that pretends to be several is none', async () => {
  const shown = await signed(dns('a, DNS:gw.contoso.com, DNS:b', 'x", DNS:"gw.contoso.com'));
  expect(await namesOf(shown)).toStrictEqual([]);
});

test('at most a hundred', async () => {
  const shown = await signed(dns(...Array.from({ length: 120 }, (_, number) => `gw${number}.contoso.com`)));
  expect(await namesOf(shown)).toHaveLength(100);
});

test('of none that does not hold: no certificate, another authority, expired, not yet valid, none to trust', async () => {
  const day = 86_400_000;
  const past = { notBeforeDate: new Date(Date.now() - 9 * day), notAfterDate: new Date(Date.now() - day) };
  const future = { notBeforeDate: new Date(Date.now() + day), notAfterDate: new Date(Date.now() + 9 * day) };
  expect(await namesOf(undefined)).toStrictEqual([]);
  expect(await namesOf(await makeCertificate(['gw.contoso.com']))).toStrictEqual([]);
  expect(await namesOf(await signed(dns('gw.contoso.com'), 'gw', past))).toStrictEqual([]);
  expect(await namesOf(await signed(dns('gw.contoso.com'), 'gw', future))).toStrictEqual([]);
  // Without authorities of its own a door trusts the well-known ones.
  const { cert, key } = own;
  expect(await namesOf(await signed(dns('gw.contoso.com')), createSecureContext({ cert, key }))).toStrictEqual([]);
});
