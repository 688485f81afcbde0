import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../net/make-certificate.js';
import { until } from '../../support/until.js';
import { type DoorSetting, openTestDoor } from './door-under-test.js';
import { type Script, startScriptedServer } from './scripted-server.js';
import { begin, connectClient, secureClient, sendMessage } from './smtp-client.js';

let certificate: { key: string; cert: string };
let folder: string;
let ca: string;
const opened: { close(): void }[] = [];

beforeAll(async () => {
  certificate = await makeCertificate(['front.contoso.com', 'mbx1.contoso.com'], true);
  folder = mkdtempSync(join(tmpdir(), 'usher-smtp-'));
  ca = join(folder, 'ca.pem');
  writeFileSync(ca, certificate.cert);
});

afterEach(() => {
  // A TLS socket before the one below it.
  for (const part of opened.splice(0).reverse()) part.close();
});

afterAll(() => rmSync(folder, { recursive: true }));

async function openBoth(setting: DoorSetting, script: Script = {}) {
  const mbx = await startScriptedServer(script);
  const door = await openTestDoor({ ports: [mbx.port], certificate, ...setting });
  opened.push(mbx, door);
  return { mbx, door };
}

describe('STARTTLS at the door', () => {
  const connector = { auth: ['tls'], requireTls: true };

  test('is offered, shows our certificate, and the message is ESMTPS', async () => {
    const { mbx, door } = await openBoth({ connector });
    const plain = await connectClient(door.port);
    opened.push(plain);
    await plain.reply();
    expect(await plain.ask('EHLO client.example')).toMatch(/^250[- ]STARTTLS$/m);
    expect(await plain.ask('STARTTLS')).toMatch(/^220 2\.0\.0 /);
    const client = await secureClient(plain, 'front.contoso.com');
    opened.push(client);
    expect((client.socket as TLSSocket).getPeerCertificate().subject.CN).toBe('front.contoso.com');
    expect(await client.ask('MAIL FROM:<eve@fabrikam.com>')).toMatch(/^503 /);
    expect(await client.ask('EHLO client.example')).not.toContain('STARTTLS');
    for (const line of ['MAIL FROM:<eve@fabrikam.com>', 'RCPT TO:<ann@contoso.com>', 'DATA']) await client.ask(line);
    expect(await client.ask('hello\r\n.')).toMatch(/^250 2\.6\.0 /);
    expect(mbx.messages[0]?.data).toContain(' with ESMTPS id ');
    expect(await door.sessions.drain(2000)).toBe(0);
    expect(await client.rest()).toEqual(['421 4.3.2 Service shutting down']);
    await until('nobody is left', () => door.open() === 0);
  });

  test('shows our certificate also to a client that names no server', async () => {
    const { door } = await openBoth({ connector });
    const plain = await connectClient(door.port);
    opened.push(plain);
    await plain.reply();
    await plain.ask('EHLO client.example');
    await plain.ask('STARTTLS');
    const client = await secureClient(plain, '');
    opened.push(client);
    expect((client.socket as TLSSocket).getPeerCertificate().subject.CN).toBe('front.contoso.com');
  });

  test('is not offered when there is no certificate', async () => {
    const mbx = await startScriptedServer();
    const door = await openTestDoor({ ports: [mbx.port] });
    opened.push(mbx, door);
    const client = await connectClient(door.port);
    opened.push(client);
    await client.reply();
    expect(await client.ask('EHLO client.example')).not.toContain('STARTTLS');
    expect(door.log[0]?.message).toContain('STARTTLS is not offered');
  });

  test('commands sent ahead of the handshake are never heard', async () => {
    const { mbx, door } = await openBoth({ connector });
    const plain = await connectClient(door.port);
    opened.push(plain);
    await plain.reply();
    await plain.ask('EHLO client.example');
    plain.write('STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<mallory@evil.example>\r\n');
    expect(await plain.rest()).toEqual([expect.stringMatching(/^554 5\.5\.0 /)]);
    await until('nobody is left', () => door.sessions.list().length === 0);
    expect(mbx.commands).toEqual([]);
  });

  test.each(['destroy', 'silence', 'drain', 'kill'] as const)(
    'a handshake that does not come about (%s) leaves nothing',
    async (how) => {
      const { door } = await openBoth({ connector: { ...connector, inactivityTimeout: '1s' } });
      const plain = await connectClient(door.port);
      opened.push(plain);
      await plain.reply();
      await plain.ask('EHLO client.example');
      await plain.ask('STARTTLS');
      plain.write(Buffer.from([22, 3, 1, 2, 0]));
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (how === 'destroy') plain.close();
      if (how === 'drain') void door.sessions.drain(100);
      if (how === 'kill') for (const session of door.sessions.list()) session.destroy();
      await until('nobody is left', () => door.sessions.list().length === 0 && door.open() === 0);
      expect(door.log.filter(({ message }) => message.includes('fault'))).toEqual([]);
    },
  );

  test('what is no handshake ends the connection', async () => {
    const { door } = await openBoth({ connector });
    const plain = await connectClient(door.port);
    opened.push(plain);
    await plain.reply();
    await plain.ask('EHLO client.example');
    await plain.ask('STARTTLS');
    plain.write('this is no handshake at all\r\n'.repeat(10));
    expect(await plain.rest()).toEqual([]);
    await until('nobody is left', () => door.sessions.list().length === 0 && door.open() === 0);
  });
});

describe('TLS from the first byte', () => {
  test('the door speaks it where the connector says so', async () => {
    const { mbx, door } = await openBoth({ connector: { implicitTls: true, requireTls: true } });
    const client = await secureClient({ port: door.port }, 'front.contoso.com');
    opened.push(client);
    await begin(client);
    expect(await client.ask('EHLO client.example')).not.toContain('STARTTLS');
    for (const line of ['MAIL FROM:<eve@fabrikam.com>', 'RCPT TO:<ann@contoso.com>', 'DATA']) await client.ask(line);
    expect(await client.ask('hello\r\n.')).toMatch(/^250 2\.6\.0 /);
    expect(mbx.messages[0]?.data).toContain(' with ESMTPS id ');
    client.write('QUIT\r\n');
    expect(await client.rest()).toEqual([expect.stringMatching(/^221 /)]);
    await until('nobody is left', () => door.open() === 0);
  });

  test('a client that speaks in the clear is let go', async () => {
    const { door } = await openBoth({ connector: { implicitTls: true } });
    const client = await connectClient(door.port);
    opened.push(client);
    client.write('EHLO client.example\r\n');
    expect(await client.rest()).toEqual([]);
    await until('it is logged', () => door.log.some(({ message }) => message === 'connection refused'));
    await until('nobody is left', () => door.open() === 0);
  });
});

describe('TLS to the server', () => {
  const withTls = { answer: () => undefined };

  test.each([
    ['opportunistic', { tls: 'opportunistic' }, true, [true]],
    ['opportunistic without an offer', { tls: 'opportunistic' }, false, [false]],
    ['none, though offered', { tls: 'none' }, true, [false]],
  ] as const)('%s', async (_name, endpoint, offered, expected) => {
    const { mbx, door } = await openBoth({ endpoint }, offered ? { ...withTls, certificate } : withTls);
    expect(await sendMessage(door.port, 'hello')).toMatch(/^250 2\.6\.0 /);
    expect(mbx.secured).toEqual(expected);
  });

  test('starttls with a certificate that is checked', async () => {
    const endpoint = { tls: 'starttls', verify: true, ca, serverName: 'mbx1.contoso.com' };
    const { mbx, door } = await openBoth({ endpoint }, { certificate });
    expect(await sendMessage(door.port, 'hello')).toMatch(/^250 2\.6\.0 /);
    expect(mbx.secured).toEqual([true]);
  });

  test.each([
    ['another name', { tls: 'starttls', verify: true, serverName: 'mbx2.contoso.com' }, true],
    ['no offer', { tls: 'starttls', verify: false }, false],
  ] as const)(
    'starttls with %s: the server is passed over and nothing is sent in the clear',
    async (_why, fields, offered) => {
      const { mbx, door } = await openBoth({ endpoint: { ...fields, ca } }, offered ? { certificate } : {});
      expect(await sendMessage(door.port, 'hello')).toMatch(/^451 4\.4\.1 /);
      expect(mbx.commands.filter((line) => line.startsWith('MAIL'))).toEqual([]);
      expect(door.log.at(-1)?.['tried']).toEqual([{ server: 'MBX1', reason: expect.stringMatching(/^starttls: /) }]);
    },
  );

  test('implicit', async () => {
    const { mbx: inner, door: behind } = await openBoth({ connector: { implicitTls: true } });
    const { door } = await openBoth({
      ports: [behind.port],
      endpoint: { tls: 'implicit', verify: true, ca, serverName: 'front.contoso.com' },
    });
    expect(await sendMessage(door.port, 'hello')).toMatch(/^250 2\.6\.0 /);
    expect(inner.messages[0]?.data.match(/^Received:/gm)).toHaveLength(2);
  });
});

test('a connection that is closed before it is served costs nothing', async () => {
  const { door } = await openBoth({});
  for (let i = 0; i < 20; i += 1) {
    const socket = connect(door.port, '127.0.0.1', () => socket.resetAndDestroy());
  }
  await until('all were seen', () => door.accepted.length === 20);
  await until('nobody is left', () => door.open() === 0 && door.sessions.list().length === 0);
  expect(door.log.filter(({ message }) => message.includes('fault'))).toEqual([]);
});
