import { once } from 'node:events';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import { beforeAll, expect, test } from 'vitest';
import { readProxyHeader } from '../../src/net/read-proxy-header.js';
import { type TerminateTlsOptions, TlsRefused, terminateTls } from '../../src/net/terminate-tls.js';
import { connectedPair, readBytes, readToEnd } from './loopback.js';
import { makeCertificate } from './make-certificate.js';

const contexts = new Map<string | null, SecureContext>();
const options: TerminateTlsOptions = {
  contextFor: (name) => {
    const context = contexts.get(name) ?? contexts.get(null);
    if (context === undefined) throw new Error('no certificate');
    return context;
  },
  timeoutMs: 2000,
  pending: 'handshake',
};

beforeAll(async () => {
  contexts.set(null, createSecureContext(await makeCertificate(['default.example'])));
  contexts.set('two.example', createSecureContext(await makeCertificate(['two.example'])));
});

test.each([
  ['TWO.example', 'two.example'],
  ['three.example', 'default.example'],
  ['', 'default.example'],
])('asked for "%s", the certificate is that of %s', async (servername, expected) => {
  const { near, far } = await connectedPair();
  const accepting = terminateTls(far, { ...options, alpnProtocols: ['imap'] });
  const client = connectTls({ socket: near, servername, rejectUnauthorized: false, ALPNProtocols: ['pop3', 'imap'] });
  await once(client, 'secureConnect');
  expect(client.getPeerCertificate().subject.CN).toBe(expected);
  expect(client.alpnProtocol).toBe('imap');
  const secure = await accepting;
  secure.write('over TLS');
  expect(await readBytes(client, 8)).toBe('over TLS');
  client.end('and back');
  expect(await readToEnd(secure)).toBe('and back');
  secure.destroy();
  client.destroy();
});

test('a handshake that begins behind a PROXY header', async () => {
  const { near, far } = await connectedPair();
  near.write('PROXY TCP4 192.0.2.1 198.51.100.7 12345 993\r\n');
  const client = connectTls({ socket: near, rejectUnauthorized: false });
  expect((await readProxyHeader(far, 2000)).source?.address).toBe('192.0.2.1');
  const secure = await terminateTls(far, options);
  secure.end('* OK');
  expect(await readToEnd(client)).toBe('* OK');
  client.destroy();
});

test('TLS older than 1.2 is refused', async () => {
  const { near, far } = await connectedPair();
  const accepting = terminateTls(far, options).catch((error: unknown) => error);
  const client = connectTls({
    socket: near,
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  client.on('error', () => client.destroy());
  expect(await accepting).toMatchObject({ name: 'TlsRefused', stage: 'handshake' });
});

test('plain bytes ahead of a STARTTLS handshake are refused', async () => {
  const { near, far } = await connectedPair();
  near.write('MAIL FROM:<injected@example.com>\r\n');
  await once(far, 'readable');
  const refusal = await terminateTls(far, { ...options, pending: 'refuse' }).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(TlsRefused);
  expect(refusal).toMatchObject({ stage: 'plain-bytes' });
  expect(far.destroyed).toBe(true);
  near.destroy();
});

test('plain bytes that are still on their way never come out of the TLS socket', async () => {
  const { near, far } = await connectedPair();
  far.write('220 go ahead\r\n');
  const accepting = terminateTls(far, { ...options, pending: 'refuse' }).catch((error: unknown) => error);
  near.write('MAIL FROM:<injected@example.com>\r\n');
  expect(await readBytes(near, 14)).toContain('220 go ahead\r\n');
  expect(await accepting).toMatchObject({ stage: 'handshake' });
  near.destroy();
});

test('a reply that waits for a slow reader goes out before the handshake', async () => {
  const { near, far } = await connectedPair();
  const before = `${'x'.repeat(8_000_000)}220 go ahead\r\n`;
  far.write(before.slice(0, 4_000_000));
  far.write(before.slice(4_000_000));
  expect(far.writableLength).toBeGreaterThan(0);
  const accepting = terminateTls(far, { ...options, pending: 'refuse' });
  expect((await readBytes(near, before.length)).endsWith('220 go ahead\r\n')).toBe(true);
  const client = connectTls({ socket: near, rejectUnauthorized: false });
  (await accepting).end('secret');
  expect(await readToEnd(client)).toBe('secret');
});

test('a client that does nothing is given up in time', async () => {
  const { near, far } = await connectedPair();
  const begun = performance.now();
  await expect(terminateTls(far, { ...options, timeoutMs: 100 })).rejects.toMatchObject({ stage: 'timeout' });
  expect(performance.now() - begun).toBeLessThan(1000);
  expect(far.destroyed).toBe(true);
  near.destroy();
});

test('a client that leaves is told apart', async () => {
  const { near, far } = await connectedPair();
  setTimeout(() => near.destroy(), 20);
  await expect(terminateTls(far, options)).rejects.toMatchObject({ stage: 'closed' });
});

test('a certificate that cannot be had for a name ends the handshake', async () => {
  const { near, far } = await connectedPair();
  const contextFor = (name: string | null): SecureContext => {
    if (name !== null) throw new Error('certificate store is away');
    return options.contextFor(null);
  };
  const accepting = terminateTls(far, { ...options, contextFor }).catch((error: unknown) => error);
  const client = connectTls({ socket: near, servername: 'two.example', rejectUnauthorized: false });
  client.on('error', () => client.destroy());
  const refusal = await accepting;
  expect(refusal).toMatchObject({ stage: 'handshake' });
  expect(String(refusal)).toContain('certificate store is away');
});

test('bytes that are no TLS after the handshake end the connection', async () => {
  const { near, far } = await connectedPair();
  const accepting = terminateTls(far, options);
  const client = connectTls({ socket: near, rejectUnauthorized: false });
  client.on('error', () => client.destroy());
  await once(client, 'secureConnect');
  const secure = await accepting;
  const closed = new Promise((resolve) => secure.resume().on('close', resolve));
  near.write('this is no TLS record at all, and long enough to be seen as one');
  await closed;
  expect(secure.destroyed).toBe(true);
});
