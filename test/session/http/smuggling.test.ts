import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type RecordedRequest,
  type RecordingWebServer,
  startRecordingWebServer,
} from '../../support/peers/recording-web-server.js';
import { until } from '../../support/until.js';
import { dial, readAll } from './ask.js';
import { type FrontEnd, startFrontEnd } from './front-end.js';
import { type Payload, smugglingCorpus } from './smuggling-corpus.js';

const canary = 'GET /owa/canary HTTP/1.1\r\nHost: mail.contoso.com\r\nConnection: close\r\n\r\n';

let server: RecordingWebServer;
let front: FrontEnd;

beforeAll(async () => {
  server = await startRecordingWebServer('MBX1');
  front = await startFrontEnd({
    servers: { MBX1: { endpoints: { http: { port: server.port, tls: 'none' } } } },
    databases: { DB1: 'MBX1' },
    mailboxes: { 'ann@contoso.com': 'DB1' },
  });
});
afterAll(() => {
  front?.close();
  server?.close();
});
beforeEach(() => server.forget());

/** How a payload is cut into writes. */
type Delivery = (bytes: Buffer) => Buffer[];

const whole: Delivery = (bytes) => [bytes];
const inPieces: Delivery = (bytes) => {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + ((at * 7 + bytes.length) % 9);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
};

const textOf = ({ method, target, body }: RecordedRequest): string => `${method} ${target}${body && ` ${body}`}`;

/** Sends a payload and the canary; gives what came back, when nothing more comes of it. */
async function play({ bytes, verdict, canary: fate }: Payload, delivery: Delivery): Promise<string> {
  const before = server.bytes();
  const socket = await dial(front.port);
  const answered = readAll(socket);
  for (const piece of delivery(Buffer.from(bytes + canary, 'latin1'))) {
    if (socket.destroyed) break;
    socket.write(piece);
    if (delivery !== whole) await turn();
  }
  // What is no whole request yet may wait for the rest: the client goes.
  if (fate === 'swallowed') {
    await until('the server to have what came', () => server.bytes() > before);
    await sleep(20);
    socket.destroy();
  } else if (verdict.kind !== 'requests' || fate === 'unread') {
    setTimeout(() => socket.end(), 300).unref();
  }
  const text = await answered;
  await turn();
  return text;
}

async function expectVerdict(payload: Payload, delivery: Delivery): Promise<void> {
  const { verdict, canary: fate } = payload;
  const before = { records: front.records.length, bytes: server.bytes() };
  const answers = await play(payload, delivery);
  const statuses = [...answers.matchAll(/(?:^|\n)HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  expect(server.violations).toEqual([]);
  const seen = server.requests.map(textOf);
  switch (verdict.kind) {
    case 'refused':
      expect([seen, server.partial, server.bytes() - before.bytes]).toEqual([[], [], 0]);
      expect(statuses).toEqual([verdict.status ?? expect.toSatisfy((status) => status >= 400 && status <= 505)]);
      break;
    case 'declined':
      expect([seen, server.partial]).toEqual([['GET /owa/canary'], []]);
      expect(statuses).toEqual([400, 200]);
      break;
    case 'broken':
      expect(seen).toEqual([]);
      expect(server.partial.every((text) => !text.includes('smuggled') && !text.includes('canary'))).toBe(true);
      expect(statuses.every((status) => status >= 400)).toBe(true);
      break;
    case 'either':
      if (seen.length === 0) expect(statuses.filter((status) => status < 400)).toEqual([]);
      else expect(seen.filter((text) => text !== 'GET /owa/canary')).toEqual(verdict.requests);
      break;
    case 'requests':
      expect(seen).toEqual([...verdict.requests, ...(fate === 'served' ? ['GET /owa/canary'] : [])]);
      expect(statuses).toEqual(seen.map(() => 200));
      break;
  }
  await until('every request to be in the log', () => front.records.length - before.records >= seen.length);
  const logged = front.records.slice(before.records).map(({ method, path }) => `${method} ${path}`);
  expect(logged).toEqual(expect.arrayContaining(server.requests.map(({ method, target }) => `${method} ${target}`)));
}

const named = smugglingCorpus.map((payload): [string, Payload] => [payload.name, payload]);

test('there are payloads, and each has a name of its own', () => {
  expect(named.length).toBeGreaterThan(250);
  expect(new Set(named.map(([name]) => name)).size).toBe(named.length);
});

describe('in one write', () => {
  test.each(named)('%s', (_, payload) => expectVerdict(payload, whole));
});

describe('in pieces', () => {
  test.each(named)('%s', (_, payload) => expectVerdict(payload, inPieces));
});
