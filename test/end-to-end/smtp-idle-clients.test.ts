import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { begin, connectClient, type SmtpClient, sendMessage } from '../session/smtp/smtp-client.js';
import { freePorts } from '../support/free-port.js';
import { type RecordingServer, startRecordingServer } from '../support/recording-server.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { plainEndpoint, smtpEstate } from './smtp-estate.js';

/** More of them by the environment. */
const idleCount = Number(process.env['USHER_IDLE_CLIENTS'] ?? 2000);
const bytesPerIdleMax = 40 * 1024;
const megabyte = 1024 * 1024;

let mbx: RecordingServer;
let usher: Usher;
let pid: number;
let ports: { patient: number; strict: number };
const sockets: Socket[] = [];
const clients: SmtpClient[] = [];

beforeAll(async () => {
  mbx = await startRecordingServer();
  const [patient = 0, strict = 0] = await freePorts(2);
  ports = { patient, strict };
  const many = { maxConnections: 2 * idleCount, maxConnectionsPerSource: 2 * idleCount };
  const connectors = [
    { ...many, bindings: [`127.0.0.1:${patient}`] },
    { bindings: [`127.0.0.1:${strict}`], inactivityTimeout: '2s', connectionTimeout: '4s' },
  ];
  usher = await startUsher(smtpEstate({ servers: [plainEndpoint(mbx)], connectors }));
  pid = (await status()).pid;
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  for (const client of clients) client.close();
  await usher?.stop();
  mbx?.close();
});

const status = async () =>
  JSON.parse(await usher.cli('status', '--json')) as { pid: number; sessions: { smtp?: number } };

function residentBytes(): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Number(kilobytes) * 1024;
}

async function openIdle(): Promise<void> {
  const socket = connect(ports.patient, '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  const [greeting] = (await once(socket, 'data')) as [Buffer];
  expect(greeting.toString('latin1')).toMatch(/^220 /);
  socket.write('EHLO idle.example\r\n');
  await once(socket, 'data');
}

/** Writes a byte a second for as long as it can; the time until the other side ends the connection, in milliseconds. */
async function drip(client: SmtpClient, byte: string): Promise<{ lastedMs: number; last: string | undefined }> {
  clients.push(client);
  const begunAt = performance.now();
  const timer = setInterval(() => client.write(byte), 1000);
  const replies = await client.rest();
  clearInterval(timer);
  return { lastedMs: performance.now() - begunAt, last: replies.at(-1) };
}

/** The longest of so many messages one after the other, in milliseconds. */
async function slowest(count: number): Promise<number> {
  let slowestMs = 0;
  for (let index = 0; index < count; index += 1) {
    const begunAt = performance.now();
    expect(await sendMessage(ports.patient, `Subject: ${index}\r\n\r\nhello`)).toMatch(/^250 2\.6\.0 /);
    slowestMs = Math.max(slowestMs, performance.now() - begunAt);
  }
  return slowestMs;
}

async function openDripper(stage: 'command' | 'body'): Promise<SmtpClient> {
  const client = await connectClient(ports.strict);
  if (stage === 'command') {
    expect(await client.reply()).toMatch(/^220 /);
    return client;
  }
  await begin(client);
  expect(await client.ask('DATA')).toMatch(/^354 /);
  return client;
}

test(`${idleCount} idle clients and some that drip: memory is bounded and the others do not wait`, async () => {
  await slowest(100);
  const before = residentBytes();
  while (sockets.length < idleCount) await Promise.all(Array.from({ length: 100 }, openIdle));
  expect((await status()).sessions.smtp).toBe(sockets.length);
  const kept = mbx.messages.length;
  const [inCommand, inBody] = await Promise.all([openDripper('command'), openDripper('body')]);
  const dripping = Promise.all([drip(inCommand, 'N'), drip(inBody, 'x')]);
  expect(await slowest(50)).toBeLessThan(1000);
  const [command, body] = await dripping;
  // Bytes that make no line are no sign of life; a body that grows is one, until the connection has lasted too long.
  expect(command.last).toMatch(/^421 4\.4\.2 /);
  expect(command.lastedMs).toBeLessThan(3500);
  expect(body.last).toMatch(/^421 4\.4\.2 /);
  expect(body.lastedMs).toBeLessThan(6000);
  expect(mbx.messages).toHaveLength(kept + 50);
  expect(residentBytes() - before).toBeLessThan(sockets.length * bytesPerIdleMax + 20 * megabyte);
  const [first] = sockets;
  first?.write('NOOP\r\n');
  expect(String(await once(first ?? fail(), 'data'))).toMatch(/^250 /);
}, 60_000);

test('lines without an end take no memory, however many send them', async () => {
  const before = residentBytes();
  const flood = Buffer.alloc(megabyte, 'a');
  const floods = Array.from({ length: 100 }, async () => {
    const socket = connect(ports.patient, '127.0.0.1');
    socket.on('error', () => socket.destroy()).on('data', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    for (let count = 0; count < 4 && !socket.destroyed; count += 1) {
      await new Promise((resolve) => socket.write(flood, resolve));
    }
    socket.end();
    await closed;
  });
  await Promise.all(floods);
  expect(residentBytes() - before).toBeLessThan(60 * megabyte);
  expect(await slowest(10)).toBeLessThan(1000);
});

test('when they are gone nothing is left of them', async () => {
  for (const socket of sockets) socket.destroy();
  await until('the sessions to be over', async () => (await status()).sessions.smtp === undefined);
  expect(await slowest(1)).toBeLessThan(1000);
});

function fail(): never {
  throw new Error('there are no idle clients');
}
