import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectTo } from '../../src/net/connect.js';
import { ConnectFailure } from '../../src/net/connect-failure.js';
import { startTls } from '../../src/net/start-tls.js';
import { terminateTls } from '../../src/net/terminate-tls.js';
import { connectedPair, listenOnLoopback, readBytes, readToEnd } from './loopback.js';
import { makeCertificate } from './make-certificate.js';

let folder = '';
let pem = { key: '', cert: '' };
const plain = { tls: 'none', verify: true, ca: null, serverName: null, timeoutMs: 2000 } as const;
const implicit = { ...plain, tls: 'implicit' } as const;
const check = { verify: true, serverName: 'mbx1.example', timeoutMs: 2000 } as const;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'usher-net-'));
  pem = await makeCertificate(['mbx1.example'], true);
  await writeFile(join(folder, 'ca.pem'), pem.cert);
  await writeFile(join(folder, 'empty.pem'), 'nothing');
});
afterAll(() => rm(folder, { recursive: true }));

async function failureOf(connecting: Promise<Socket>): Promise<ConnectFailure> {
  const error = await connecting.catch((thrown: unknown) => thrown);
  if (!(error instanceof ConnectFailure)) throw new Error(`was no failure: ${String(error)}`);
  return error;
}

function tlsServer(greeting = 'hello') {
  return listenOnLoopback((socket) => {
    void terminateTls(socket, {
      contextFor: () => createSecureContext(pem),
      timeoutMs: 2000,
      pending: 'handshake',
    }).then(
      (secure) => secure.end(greeting),
      () => socket.destroy(),
    );
  });
}

describe('connecting', () => {
  test('an address, a name and a bracketed IPv6 address', async () => {
    const server = await listenOnLoopback((socket) => socket.end('220 hi'));
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]']) {
      const socket = await connectTo({ ...plain, host, port: server.port });
      expect(await readToEnd(socket)).toBe('220 hi');
      socket.destroy();
    }
    server.close();
  });

  test('a refused connection says what and where', async () => {
    const server = await listenOnLoopback((socket) => socket.destroy());
    server.close();
    const failure = await failureOf(connectTo({ ...plain, host: '127.0.0.1', port: server.port }));
    expect(failure).toMatchObject({ stage: 'connect', address: '127.0.0.1', port: server.port, code: 'ECONNREFUSED' });
    expect(failure.message).toBe(`127.0.0.1:${server.port} refused the connection`);
    const named = await failureOf(connectTo({ ...plain, host: 'localhost', port: server.port }));
    expect(named.message).toContain(`localhost:${server.port} (127.0.0.1) refused the connection`);
  });

  test('a name without an address', async () => {
    const addressesOf = (): Promise<string[]> =>
      Promise.reject(Object.assign(new Error('none'), { code: 'ENOTFOUND' }));
    const failure = await failureOf(connectTo({ ...plain, host: 'mbx9.example', port: 25, addressesOf }));
    expect(failure).toMatchObject({ stage: 'resolve', host: 'mbx9.example', address: null, code: 'ENOTFOUND' });
    expect(failure.message).toBe('mbx9.example:25 is a name without an address');
  });

  test('a server that says nothing in the TLS handshake is given up in time', async () => {
    const server = await listenOnLoopback((socket) => socket.resume());
    const begun = performance.now();
    const failure = await failureOf(connectTo({ ...implicit, host: '127.0.0.1', port: server.port, timeoutMs: 150 }));
    expect(failure.stage).toBe('timeout');
    expect(failure.message).toMatch(/did not finish the TLS handshake within 1\d\d ms$/);
    expect(performance.now() - begun).toBeLessThan(1000);
    server.close();
  });

  test('every address of a name is tried in turn', async () => {
    const server = await listenOnLoopback((socket) => socket.end('220 hi'));
    const options = { ...plain, host: 'mbx1.example', port: server.port };
    const addressesOf = (): Promise<string[]> => Promise.resolve(['127.0.0.2', '127.0.0.3', '127.0.0.1']);
    const socket = await connectTo({ ...options, addressesOf });
    expect(socket.remoteAddress).toBe('127.0.0.1');
    socket.destroy();
    server.close();
    const failure = await failureOf(connectTo({ ...options, addressesOf }));
    const each = ['127.0.0.2', '127.0.0.3', '127.0.0.1'].map(
      (address) => `mbx1.example:${server.port} (${address}) refused the connection`,
    );
    expect(failure.message).toBe(each.join('; '));
    expect(failure.address).toBe('127.0.0.1');
  });

  test('an address that does not answer takes only its share of the time', async () => {
    const good = await tlsServer();
    const silent = createServer((socket) => socket.resume().on('error', () => socket.destroy()));
    silent.listen(good.port, '127.0.0.2');
    await once(silent, 'listening');
    const addressesOf = (): Promise<string[]> => Promise.resolve(['127.0.0.2', '127.0.0.1']);
    const options = { ...implicit, host: 'mbx1.example', port: good.port, ca: join(folder, 'ca.pem'), addressesOf };
    const begun = performance.now();
    const socket = await connectTo({ ...options, timeoutMs: 2000 });
    expect(await readToEnd(socket)).toBe('hello');
    expect(performance.now() - begun).toBeGreaterThan(900);
    silent.close();
    good.close();
  });

  test('a name that is not found in time, or not at all', async () => {
    const never = (): Promise<string[]> => new Promise(() => undefined);
    const options = { ...plain, host: 'mbx1.example', port: 25, timeoutMs: 50 };
    const late = await failureOf(connectTo({ ...options, addressesOf: never }));
    expect(late).toMatchObject({ stage: 'timeout', message: 'mbx1.example:25 was not found by name within 50 ms' });
    const none = await failureOf(connectTo({ ...options, addressesOf: () => Promise.resolve([]) }));
    expect(none).toMatchObject({ stage: 'resolve', message: 'mbx1.example:25 has no address' });
  });

  test('an abort rejects with its reason, before and during', async () => {
    const server = await listenOnLoopback((socket) => socket.resume());
    const signal = AbortSignal.abort(new Error('shutting down'));
    await expect(connectTo({ ...plain, host: '127.0.0.1', port: server.port, signal })).rejects.toThrow(
      'shutting down',
    );
    const later = new AbortController();
    setTimeout(() => later.abort(new Error('client left')), 30);
    const connecting = connectTo({ ...implicit, host: '127.0.0.1', port: server.port, signal: later.signal });
    await expect(connecting).rejects.toThrow('client left');
    server.close();
  });
});

describe('implicit TLS', () => {
  test('a trusted certificate with the right name', async () => {
    const server = await tlsServer();
    const options = { ...implicit, host: '127.0.0.1', port: server.port, ca: join(folder, 'ca.pem') };
    for (const serverName of ['mbx1.example', null]) {
      const socket = await connectTo({ ...options, serverName });
      expect(socket).toBeInstanceOf(TLSSocket);
      expect(await readToEnd(socket)).toBe('hello');
    }
    server.close();
  });

  test('a certificate of another name, an unknown one, and one that is not asked for', async () => {
    const server = await tlsServer();
    const options = { ...implicit, host: '127.0.0.1', port: server.port };
    const other = await failureOf(connectTo({ ...options, ca: join(folder, 'ca.pem'), serverName: 'other.example' }));
    expect(other).toMatchObject({ stage: 'tls', code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    const unknown = await failureOf(connectTo(options));
    expect(unknown.message).toContain('failed the TLS handshake: self-signed certificate');
    const unchecked = await connectTo({ ...options, verify: false, serverName: 'other.example' });
    expect(await readToEnd(unchecked)).toBe('hello');
    server.close();
  });

  test('a trust file that is missing or empty is named', async () => {
    const server = await tlsServer();
    const options = { ...implicit, host: '127.0.0.1', port: server.port };
    const missing = await failureOf(connectTo({ ...options, ca: join(folder, 'none.pem') }));
    expect(missing.message).toContain('none.pem cannot be read');
    const empty = await failureOf(connectTo({ ...options, ca: join(folder, 'empty.pem') }));
    expect(empty.message).toContain('empty.pem holds no certificate');
    server.close();
  });

  test('a changed trust file is read anew', async () => {
    const server = await tlsServer();
    const file = join(folder, 'changing.pem');
    await writeFile(file, (await makeCertificate(['other.example'])).cert);
    const options = { ...implicit, host: '127.0.0.1', port: server.port, ca: file };
    expect((await failureOf(connectTo(options))).stage).toBe('tls');
    await writeFile(file, `${pem.cert}\n`);
    const socket = await connectTo(options);
    expect(await readToEnd(socket)).toBe('hello');
    server.close();
  });

  test('a server without TLS fails the handshake', async () => {
    const server = await listenOnLoopback((socket) => socket.end('220 plain\r\n'));
    const failure = await failureOf(connectTo({ ...implicit, host: '127.0.0.1', port: server.port }));
    expect(failure.stage).toBe('tls');
    expect(failure.message).toContain('failed the TLS handshake');
    server.close();
  });
});

describe('starting TLS on a connection', () => {
  test('after plain words both sides speak TLS', async () => {
    const { near, far } = await connectedPair();
    far.write('220 go\r\n');
    await readBytes(near, 8);
    const accepted = terminateTls(far, {
      contextFor: () => createSecureContext(pem),
      timeoutMs: 2000,
      pending: 'refuse',
    });
    const secure = await startTls(near, { ...check, ca: join(folder, 'ca.pem') });
    (await accepted).end('secret');
    expect(await readToEnd(secure)).toBe('secret');
    secure.destroy();
  });

  test('plain bytes that came ahead are a failure', async () => {
    const { near, far } = await connectedPair();
    far.write('220 go\r\n250 injected\r\n');
    await new Promise((resolve) => near.once('readable', resolve));
    const failure = await failureOf(startTls(near, { ...check, ca: null, host: 'mbx1.example', port: 2525 }));
    expect(failure).toMatchObject({ stage: 'tls', host: 'mbx1.example' });
    expect(failure.message).toBe('mbx1.example:2525 (127.0.0.1) sent plain bytes ahead of the TLS handshake');
    expect(near.destroyed).toBe(true);
    far.destroy();
  });

  test('plain bytes instead of a handshake, and a close', async () => {
    const first = await connectedPair();
    setTimeout(() => first.far.write('250 injected\r\n'), 20);
    expect((await failureOf(startTls(first.near, { ...check, ca: null }))).stage).toBe('tls');
    first.far.destroy();
    const second = await connectedPair();
    setTimeout(() => second.far.destroy(), 20);
    expect((await failureOf(startTls(second.near, { ...check, ca: null }))).stage).toBe('tls');
  });
});
