import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { rawClient, startTwoServers, type TwoServers } from './two-servers.js';

let servers: TwoServers;

beforeAll(async () => {
  servers = await startTwoServers();
});

afterAll(async () => {
  await servers.stop();
});

beforeEach(() => {
  servers.active.set('DB1', 'MBX1');
  const mailbox = servers.store.open('DB1', 'ann@contoso.com');
  mailbox.remove(new Set(mailbox.messages.map(({ uid }) => uid)));
  mailbox.append(Buffer.from('From: <script>@evil\r\nSubject: =?utf-8?Q?=3Cb=3E_Gr=C3=BC=C3=9Fe?=\r\n\r\n<img src=x>'));
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Question {
  readonly port?: number;
  readonly method?: string;
  readonly auth?: string;
  readonly accept?: string;
  readonly body?: Buffer;
}

function ask(path: string, question: Question = {}): Promise<Answer> {
  const { port = servers.mbx1.ports.http, method = 'GET', auth, accept = 'text/html', body } = question;
  const headers = { accept, ...(auth === undefined ? {} : { authorization: basic(auth) }) };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

function basic(auth: string): string {
  return `Basic ${Buffer.from(auth).toString('base64')}`;
}

const ann = 'ann@contoso.com:secret-1';

test('the page says who answers for whom and lists the mail, escaped', async () => {
  const { status, headers, body } = await ask('/owa/', { auth: ann });
  expect(status).toBe(200);
  expect(headers['x-mailbox-server']).toBe('MBX1');
  expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/);
  expect(body).toContain('Answered by MBX1');
  expect(body).toContain('Mailbox ann@contoso.com in DB1');
  expect(body).toContain('&#60;b&#62; Grüße');
  expect(body).toContain('&#60;script&#62;@evil');
  expect(body).not.toMatch(/<script|<b>/);
});

test('a message is shown, escaped, and marked seen', async () => {
  const mailbox = servers.store.open('DB1', 'ann@contoso.com');
  const uid = mailbox.messages[0]?.uid ?? 0;
  const { status, body } = await ask(`/owa/message/${uid}?x=1`, { auth: ann });
  expect(status).toBe(200);
  expect(body).toContain('<pre>&#60;img src=x&#62;</pre>');
  expect(mailbox.messages[0]?.flags).toEqual(new Set(['\\Seen']));
  expect((await ask('/owa/message/99999', { auth: ann })).status).toBe(404);
});

test('programs get JSON', async () => {
  const list = await ask('/ews/exchange.asmx', { auth: ann, method: 'POST', body: Buffer.from('<soap/>') });
  expect(list.headers['content-type']).toBe('application/json');
  expect(JSON.parse(list.body)).toMatchObject({
    server: 'MBX1',
    mailbox: 'ann@contoso.com',
    database: 'DB1',
    messages: [{ subject: '<b> Grüße', isSeen: false }],
  });
  const refused = await ask('/anything', { accept: 'application/json', auth: 'ann@contoso.com:x' });
  expect(JSON.parse(refused.body)).toMatchObject({ server: 'MBX1' });
});

test('wrong credentials are asked for again, the wrong server is unavailable', async () => {
  for (const auth of [undefined, 'ann@contoso.com:x', 'nobody@contoso.com:', 'no-colon']) {
    const { status, headers } = await ask('/owa/', auth === undefined ? {} : { auth });
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe('Basic realm="usher demo", charset="UTF-8"');
  }
  expect((await ask('/owa/', { auth: ann, port: servers.mbx2.ports.http })).status).toBe(503);
  servers.active.set('DB1', 'MBX2');
  const moved = await ask('/owa/', { auth: ann, port: servers.mbx2.ports.http });
  expect(moved.body).toContain('Answered by MBX2');
  expect(moved.body).toContain('Grüße');
});

test('HEAD has no body, a large body is refused, the health page asks for nothing', async () => {
  expect(await ask('/owa/', { auth: ann, method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  const large = ask('/owa/', { auth: ann, method: 'PUT', body: Buffer.alloc(5 * 1024 * 1024 + 1) });
  await expect(
    large.then(({ status }) => status).catch((error: NodeJS.ErrnoException) => error.code),
  ).resolves.toSatisfy((outcome) => [413, 'EPIPE', 'ECONNRESET'].includes(outcome as string | number));
  expect(await ask('/owa/healthcheck.htm')).toMatchObject({ status: 200, body: '200 OK<br/>MBX1' });
});

const handshake = (auth: string, path = '/owa/notify'): string =>
  [
    `GET ${path} HTTP/1.1`,
    'Host: demo',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    `Authorization: ${basic(auth)}`,
    '\r\n',
  ].join('\r\n');

function maskedFrame(first: number, payload: Buffer): Buffer {
  const mask = Buffer.from([1, 2, 3, 4]);
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  const head =
    payload.length < 126 ? [payload.length | 0x80] : [126 | 0x80, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([first, ...head]), mask, masked]);
}

test('a WebSocket says the server name, echoes, answers pings and closes', async () => {
  const client = await rawClient(servers.mbx1.ports.http);
  client.send(handshake(ann));
  await client.until(/^HTTP\/1\.1 101 [\s\S]*Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n\r\n\x81\x04MBX1$/);
  const frame = maskedFrame(0x81, Buffer.from('hello'));
  client.send(frame.subarray(0, 3));
  client.send(frame.subarray(3));
  await client.until(/\x81\x05hello$/);
  client.send(Buffer.concat([maskedFrame(0x01, Buffer.from('one ')), maskedFrame(0x89, Buffer.from('p'))]));
  client.send(maskedFrame(0x80, Buffer.from('two')));
  await client.until(/\x8a\x01p\x81\x07one two$/);
  client.send(maskedFrame(0x88, Buffer.from([0x03, 0xe8])));
  expect(await client.closed()).toMatch(/\x88\x02\x03\xe8$/);
});

test.each([
  ['unmasked', Buffer.from([0x81, 0x01, 0x61]), '\x88\x02\x03\xea'],
  ['an announced length over 64 KB', Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4]), '\x88\x02\x03\xf1'],
  ['text that is no UTF-8', maskedFrame(0x81, Buffer.from([0xff])), '\x88\x02\x03\xef'],
  ['a continuation of nothing', maskedFrame(0x80, Buffer.from('a')), '\x88\x02\x03\xea'],
  ['a fragmented ping', maskedFrame(0x09, Buffer.from('a')), '\x88\x02\x03\xea'],
])('a WebSocket is closed for %s', async (_name, frame, closing) => {
  const client = await rawClient(servers.mbx1.ports.http);
  client.send(Buffer.concat([Buffer.from(handshake(ann)), frame]));
  const received = await client.closed();
  expect(received.endsWith(`\x81\x04MBX1${closing}`)).toBe(true);
});

test('a handshake needs credentials, the right server, the path and the version', async () => {
  const statusOf = async (port: number, text: string): Promise<string | undefined> => {
    const client = await rawClient(port);
    client.send(text);
    return /^HTTP\/1\.1 (\d+)/.exec(await client.closed())?.[1];
  };
  expect(await statusOf(servers.mbx1.ports.http, handshake('ann@contoso.com:x'))).toBe('401');
  expect(await statusOf(servers.mbx2.ports.http, handshake(ann))).toBe('503');
  expect(await statusOf(servers.mbx1.ports.http, handshake(ann, '/owa/other'))).toBe('404');
  expect(await statusOf(servers.mbx1.ports.http, handshake(ann).replace('Version: 13', 'Version: 8'))).toBe('400');
});
