import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { makeCertificate } from '../../support/peers/certificate.js';
import { until } from '../../support/until.js';
import { afterwards, type CallStage, openCallStage } from './call-stage.js';
import { requestText, tcpClient, tlsClient, udpClient } from './sip-client.js';

const pings = Buffer.from('\r\n\r\n'.repeat(16_384));

describe('keep-alives in masses', () => {
  test('each is answered, and they cost little', async () => {
    const { ports } = await openCallStage();
    const socket = connect({ port: ports.tcp, host: '127.0.0.1' }).resume();
    afterwards(() => socket.destroy());
    const before = process.cpuUsage();
    for (let sent = 0; sent < 32; sent += 1) socket.write(pings);
    await until('all pongs', () => socket.bytesRead === 32 * 16_384 * 2, 10_000);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(700);
  }, 20_000);

  test('whoever reads none of the answers holds little memory', async () => {
    const stage = await openCallStage();
    const clients = await Promise.all(Array.from({ length: 20 }, () => tcpClient(stage.ports.tcp, '127.0.0.9')));
    for (const { socket } of clients) socket.pause();
    const heapBefore = process.memoryUsage().heapUsed;
    for (let round = 0; round < 100; round += 1) {
      for (const { socket } of clients) if (socket.writable && socket.writableLength === 0) socket.write(pings);
      await sleep(2);
    }
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(60 * 1024 * 1024);
  }, 20_000);

  test('pongs and answers keep the order of what they answer', async () => {
    const { ports } = await openCallStage();
    const client = await tcpClient(ports.tcp);
    client.send(`\r\n\r\n\r\n\r\n${requestText('OPTIONS')}\r\n\r\n${requestText('OPTIONS')}\r\n\r\n\r\n\r\n`);
    await until('all', () => /200 OK[^]*200 OK[^]*\r\n\r\n\r\n\r\n$/.test(client.text()));
    expect(client.text()).toMatch(
      /^\r\n\r\nSIP\/2\.0 200 OK\r\n(?:\S.*\r\n)*\r\n\r\nSIP\/2\.0 200 OK\r\n(?:\S.*\r\n)*\r\n\r\n\r\n$/,
    );
  });
});

describe('strangers over TCP', () => {
  const shortly = { limits: { preAuthTimeout: 400, idleTimeout: 60_000 } };

  test.each([
    ['pings', '\r\n\r\n'],
    ['requests', requestText('OPTIONS')],
    ['requests that are never whole', `${requestText('OPTIONS')}O`],
  ])('%s do not keep a connection open', async (_, text) => {
    const { ports } = await openCallStage(shortly);
    const client = await tcpClient(ports.tcp, '127.0.0.9');
    const timer = setInterval(() => client.socket.write(text), 100);
    const startMs = performance.now();
    await client.closed();
    clearInterval(timer);
    expect(performance.now() - startMs).toBeLessThan(1500);
  });

  test('who is a gateway no more has as little time as others', async () => {
    const stage = await openCallStage(shortly);
    const client = await tcpClient(stage.ports.tcp);
    client.send(requestText('OPTIONS'));
    expect((await client.next()).code).toBe(200);
    stage.change({ callGateways: [], huntGroups: [] });
    const timer = setInterval(() => client.socket.write('\r\n\r\n'), 100);
    const startMs = performance.now();
    await client.closed();
    clearInterval(timer);
    expect(performance.now() - startMs).toBeLessThan(1500);
  });

  test('they make room for others, gateways do not', async () => {
    const stage = await openCallStage({ limits: { maxConnections: 3 } });
    const gateway = await tcpClient(stage.ports.tcp);
    await until('it', () => stage.sessions.list().length === 1);
    const strangers = [await tcpClient(stage.ports.tcp, '127.0.0.8'), await tcpClient(stage.ports.tcp, '127.0.0.9')];
    await until('three', () => stage.sessions.list().length === 3);
    const others = [await tcpClient(stage.ports.tcp), await tcpClient(stage.ports.tcp)];
    for (const client of [gateway, ...others]) {
      client.send(requestText('OPTIONS'));
      expect((await client.next()).code).toBe(200);
    }
    for (const stranger of strangers) await stranger.closed();
    await (await tcpClient(stage.ports.tcp)).closed();
    expect(stage.sessions.list()).toHaveLength(3);
  });

  test('nor do handshakes that are never finished keep gateways out', async () => {
    const { cert, key } = await makeCertificate(['cas1.contoso.com']);
    const context = createSecureContext({ cert, key });
    const stage = await openCallStage({ limits: { maxConnections: 3 }, secureContext: () => context });
    const strangers = ['127.0.0.7', '127.0.0.8', '127.0.0.9'];
    const idle = await Promise.all(strangers.map((from) => tcpClient(stage.ports.tls, from)));
    const client = await tlsClient(stage.ports.tls);
    client.send(requestText('OPTIONS'));
    expect((await client.next()).code).toBe(200);
    await Promise.race(idle.map((each) => each.closed()));
    expect(idle.filter(({ socket }) => socket.closed)).toHaveLength(1);
  });
});

const refusalsOf = ({ lines }: CallStage): number =>
  lines.filter(({ message }) => message === 'a call of a stranger was refused').length;

test('calls of strangers do not fill the log', async () => {
  let nowMs = 1_000_000;
  const stage = await openCallStage({ nowMs: () => nowMs });
  const clients = await Promise.all(
    Array.from({ length: 30 }, (_, place) => udpClient(stage.ports.udp, `127.0.1.${place + 1}`)),
  );
  for (const client of clients) for (let sent = 0; sent < 5; sent += 1) client.send(requestText('INVITE'));
  await until('all answers', () => clients.every(({ answers }) => answers.length === 5));
  expect(refusalsOf(stage)).toBeGreaterThan(0);
  expect(refusalsOf(stage)).toBeLessThanOrEqual(10);
  expect(stage.outcomes.filter((outcome) => outcome === 'stranger')).toHaveLength(150);
  const before = refusalsOf(stage);
  nowMs += 60_000;
  clients[0]?.send(requestText('INVITE'));
  await until('one more', () => refusalsOf(stage) === before + 1);
});
