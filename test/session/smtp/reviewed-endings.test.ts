import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { beforeAll, expect, test } from 'vitest';
import { makeCertificate } from '../../net/make-certificate.js';
import { until } from '../../support/until.js';
import { doorParts } from './door-parts.js';
import { openTestDoor } from './door-under-test.js';
import { begin, connectClient } from './smtp-client.js';

const parts = doorParts();
let certificate: { key: string; cert: string };

beforeAll(async () => {
  certificate = await makeCertificate(['front.contoso.com'], true);
});

test('a fault while a conversation is wound up ends neither the process nor the count of the conversation', async () => {
  const mbx = await parts.server();
  let clock: 'right' | 'broken' = 'right';
  const nowMs = (): number => {
    if (clock === 'broken') throw new Error('no clock');
    return Date.now();
  };
  const door = parts.keep(await openTestDoor({ ports: [mbx.port], nowMs }));
  const client = parts.keep(await connectClient(door.port));
  await begin(client);
  await client.ask('DATA');
  client.write('Subject: x\r\n\r\nhalf');
  clock = 'broken';
  client.close();
  await until('nobody is left', () => door.open() === 0 && door.sessions.list().length === 0);
  expect(door.log.at(-1)).toMatchObject({ error: 'no clock' });
  expect(mbx.messages).toEqual([]);
});

test.each(['implicit TLS', 'STARTTLS'])(
  'clients that reset their connections around a handshake (%s) leave nothing behind',
  async (channel) => {
    const mbx = await parts.server();
    const door = await parts.doorTo([mbx], {
      certificate,
      connector: {
        auth: ['tls'],
        implicitTls: channel === 'implicit TLS',
        maxConnectionsPerSource: 1000,
        maxConnectionsPercentPerSource: 100,
      },
    });
    await Promise.all(
      Array.from({ length: 80 }, async (_, at) => {
        const plain = connect({ host: '127.0.0.1', port: door.port });
        plain.on('error', () => plain.destroy());
        if (channel === 'STARTTLS') {
          plain.write('EHLO c\r\nSTARTTLS\r\n');
          await new Promise<void>((resolve) =>
            plain.on('data', (piece: Buffer) => piece.includes('220 2.0.0') && resolve()),
          );
          plain.removeAllListeners('data').pause();
        }
        const socket = connectTls({ socket: plain, rejectUnauthorized: false });
        socket.on('error', () => socket.destroy()).resume();
        if (at % 4 === 0) socket.once('secureConnect', () => plain.resetAndDestroy());
        else if (at % 4 === 1) socket.once('secureConnect', () => socket.end('EHLO c\r\n'));
        else if (at % 4 === 2) socket.once('secureConnect', () => void setImmediate(() => plain.resetAndDestroy()));
        else setTimeout(() => plain.resetAndDestroy(), at % 13);
        await new Promise((resolve) => socket.once('close', resolve));
      }),
    );
    await until('nobody is left', () => door.open() === 0, 5000);
    expect(door.sessions.list()).toEqual([]);
  },
);
