import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { following, requestText, tlsClient } from '../session/sip/sip-client.js';
import { makeCertificate, type TestCertificate } from '../support/peers/certificate.js';
import { runSipp, type SippOptions } from '../support/peers/sipp.js';
import { describePeer } from '../support/require-peer.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { type CallPorts, callEstate } from './calls-estate.js';

const day = 86_400_000;

let own: TestCertificate;
let gateway: TestCertificate;
let expired: TestCertificate;
let usher: Usher;
let ports: CallPorts;

beforeAll(async () => {
  const past = { notBefore: new Date(Date.now() - 9 * day), notAfter: new Date(Date.now() - day) };
  [own, gateway, expired] = await Promise.all([
    makeCertificate(['localhost']),
    makeCertificate(['gw.contoso.invalid']),
    makeCertificate(['old.contoso.invalid', 'gw.contoso.invalid'], past),
  ]);
  const clientCa = join(tempDir('authorities'), 'ca.pem');
  writeFileSync(clientCa, `${gateway.ca}\n${expired.ca}`);
  const { certFile, keyFile } = own;
  const made = await callEstate(
    { certificate: 'own', clientCa },
    {
      certificates: [{ name: 'own', certFile, keyFile }],
      callGateways: [
        { name: 'GW1', address: '127.0.0.1' },
        { name: 'GWTLS', address: 'gw.contoso.invalid' },
      ],
      huntGroups: [
        { name: 'HG1', gateway: 'GW1', dialPlan: 'DP1', pilot: '5000' },
        { name: 'HG2', gateway: 'GW1', dialPlan: 'DP2', pilot: '6000' },
        { name: 'HGTLS', gateway: 'GWTLS', dialPlan: 'DP2', pilot: '6000' },
      ],
    },
  );
  ports = made.ports;
  usher = await startUsher(made.estate);
});
afterAll(() => usher?.stop());

const fields = { Diversion: '<sip:5102@pbx.contoso.com>' };

describePeer('sipp', 'gateways that call over TLS', () => {
  const calls = (options: Pick<SippOptions, 'transport' | 'status'> & Partial<SippOptions>) =>
    runSipp({ port: ports.tls, calls: 100, uri: 'sip:6000@localhost', fields, ...options });
  const identity = (certificate: TestCertificate) => ({
    servername: 'localhost',
    ca: own.ca,
    rejectUnauthorized: true,
    cert: certificate.cert,
    key: certificate.key,
  });

  test('a hundred calls of a gateway that is known by its certificate', async () => {
    const result = await calls({
      transport: { tls: identity(gateway) },
      from: '127.0.0.9',
      status: 302,
      contact: 'sip:6000@127.0.0.1:5263;transport=tls',
    });
    expect(result).toMatchObject({ succeeded: 100, failed: 0, errors: [] });
  });

  test('a hundred connections of one that is known by its address, and shows none', async () => {
    const transport = { tls: { servername: 'localhost', ca: own.ca, rejectUnauthorized: true } };
    const result = await calls({
      transport,
      connections: 'each',
      status: 302,
      contact: '127.0.0.1:5263;transport=tls',
    });
    expect(result).toMatchObject({ succeeded: 100, failed: 0, errors: [] });
  });

  test('a certificate of another authority, or one that is over, says nothing; so does none', async () => {
    const other = await makeCertificate(['other.contoso.invalid', 'gw.contoso.invalid']);
    for (const tls of [identity(other), identity(expired), { servername: 'localhost' }]) {
      const result = await calls({ transport: { tls }, from: '127.0.0.8', calls: 1, status: 403 });
      expect(result).toMatchObject({ succeeded: 1, failed: 0 });
      const known = await calls({ transport: { tls }, calls: 1, status: 302 });
      expect(known).toMatchObject({ succeeded: 1, failed: 0, errors: [] });
    }
  });

  test('a plan in the clear takes no call over TLS', async () => {
    const transport = { tls: identity(gateway) };
    const result = await calls({ transport, uri: 'sip:5000@localhost', calls: 5, status: 488 });
    expect(result).toMatchObject({ succeeded: 5, failed: 0 });
  });
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a %s session that is taken up again is still of the gateway',
  async (version) => {
    let session: Buffer | undefined;
    for (const time of ['first', 'second', 'third']) {
      const client = await tlsClient(ports.tls, {
        localAddress: '127.0.0.9',
        minVersion: version,
        maxVersion: version,
        cert: gateway.cert,
        key: gateway.key,
        ...(session === undefined ? {} : { session }),
      });
      client.socket.on('session', (bytes: Buffer) => (session = bytes));
      const invite = requestText('INVITE', fields, { uri: 'sip:6000@localhost' });
      client.send(invite);
      const answer = await client.final();
      expect([time, answer.code]).toStrictEqual([time, 302]);
      client.send(following('ACK', invite, answer.field('To')));
      // With TLS 1.3 it comes behind the handshake.
      await until(
        'a session',
        () => (session ??= version === 'TLSv1.2' ? (client.socket as TLSSocket).getSession() : undefined),
      );
      client.close();
      await client.closed();
    }
  },
);
