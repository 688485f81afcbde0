import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { until } from '../../support/until.js';
import { type CallStage, openCallStage } from './call-stage.js';
import { following, requestText, type StreamClient, tcpClient } from './sip-client.js';

const shortly = { limits: { preAuthTimeout: 300, idleTimeout: 800 } };

const errorsOf = (stage: CallStage) => stage.lines.filter(({ level }) => level === 'error');

/** How long a connection lasts from now on. */
async function lifeMs(client: StreamClient): Promise<number> {
  const startMs = performance.now();
  await client.closed();
  return performance.now() - startMs;
}

describe('keep-alives', () => {
  test('each pair of empty lines is answered with one, also between messages', async () => {
    const { ports } = await openCallStage();
    const client = await tcpClient(ports.tcp);
    client.send('\r\n\r\n');
    await until('a pong', () => client.text() === '\r\n');
    client.send(`\r\n\r\n\r\n\r\n${requestText('OPTIONS')}\r\n\r\n`);
    await until(
      'three more',
      () => client.text().split('\r\n\r\n').length === 3 && client.text().endsWith('\r\n\r\n\r\n'),
    );
    expect(client.text()).toMatch(/^\r\n\r\n\r\nSIP\/2\.0 200 OK\r\n[^]*\r\n\r\n\r\n$/);
  });

  test('they keep a connection of a gateway alive, whose time is up without them', async () => {
    const stage = await openCallStage(shortly);
    const [quiet, pinging] = [await tcpClient(stage.ports.tcp), await tcpClient(stage.ports.tcp)];
    for (const client of [quiet, pinging]) {
      client.send(requestText('OPTIONS'));
      await client.next();
    }
    const quietMs = lifeMs(quiet);
    for (const _ of Array(5)) {
      await sleep(250);
      pinging.send('\r\n\r\n');
    }
    expect(await quietMs).toBeGreaterThan(750);
    expect(await quietMs).toBeLessThan(2500);
    expect(pinging.socket.closed).toBe(false);
    expect(await lifeMs(pinging)).toBeLessThan(2500);
    await until('both to be forgotten', () => stage.sessions.list().length === 0);
  });
});

describe('what takes too long', () => {
  test('a connection without a word', async () => {
    const { ports } = await openCallStage(shortly);
    const ms = await lifeMs(await tcpClient(ports.tcp));
    expect(ms).toBeGreaterThan(250);
    expect(ms).toBeLessThan(2000);
  });

  test('half a message, of whatever half', async () => {
    const { ports } = await openCallStage(shortly);
    const invite = requestText('INVITE', {}, { body: 'v=0\r\n' });
    for (const half of ['I', invite.slice(0, 100), invite.slice(0, -1)]) {
      const client = await tcpClient(ports.tcp);
      client.send(half);
      expect(await lifeMs(client)).toBeLessThan(2000);
      expect(client.text()).toBe('');
    }
  });

  test('a message that drips, also behind one that came', async () => {
    const { ports } = await openCallStage(shortly);
    const client = await tcpClient(ports.tcp);
    client.send(requestText('OPTIONS'));
    await client.next();
    const text = requestText('INVITE');
    const startMs = performance.now();
    let sent = 0;
    const timer = setInterval(() => client.send(text[sent++] ?? ''), 20);
    await client.closed();
    clearInterval(timer);
    expect(performance.now() - startMs).toBeLessThan(2000);
    expect(client.answers).toHaveLength(1);
  });

  test('a stranger that says nothing more', async () => {
    const { ports } = await openCallStage({ limits: { preAuthTimeout: 200, idleTimeout: 60_000 } });
    const client = await tcpClient(ports.tcp, '127.0.0.9');
    client.send(requestText('OPTIONS'));
    expect((await client.next()).code).toBe(403);
    expect(await lifeMs(client)).toBeLessThan(2000);
  });
});

describe('a stream that cannot be read on', () => {
  test.each<[string, string, readonly number[]]>([
    ['no SIP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', []],
    ['a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', []],
    ['a head without end', `INVITE sip:a@b SIP/2.0\r\nA: ${'x'.repeat(20_000)}`, []],
    ['no length', requestText('OPTIONS', { 'Content-Length': null }), [400]],
    ['a length that is none', requestText('OPTIONS', { 'Content-Length': '-1' }), [400]],
    ['a body that is too large', requestText('OPTIONS', { 'Content-Length': '50000' }), [513]],
  ])('%s: what can be answered is, then it is over', async (_, text, codes) => {
    const stage = await openCallStage();
    const client = await tcpClient(stage.ports.tcp);
    client.send(text);
    await client.closed();
    expect(client.answers.map(({ code }) => code)).toStrictEqual(codes);
    expect(errorsOf(stage)).toStrictEqual([]);
  });
});

test('however the bytes are cut, the answers are the same', async () => {
  const { ports } = await openCallStage();
  const invite = requestText('INVITE', { Diversion: '<sip:5102@pbx>' }, { body: 'v=0\r\n\r\n' });
  const whole = `\r\n\r\n${requestText('OPTIONS')}\r\n\r\n${invite}${following('ACK', invite)}${requestText('BYE')}`;
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(whole.length), { maxLength: 8 }), async (cuts) => {
      const client = await tcpClient(ports.tcp);
      const places = [...new Set([0, ...cuts, whole.length])].sort((a, b) => a - b);
      for (const [at, place] of places.slice(0, -1).entries()) {
        client.send(whole.slice(place, places[at + 1]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      client.close();
      await client.closed();
      seen.add(client.answers.map(({ code }) => code).join(' '));
    }),
    { numRuns: 30 },
  );
  expect([...seen]).toStrictEqual(['200 100 302 481']);
});

test('who ends its side still gets its answers', async () => {
  const { ports } = await openCallStage();
  const client = await tcpClient(ports.tcp);
  client.socket.end(requestText('OPTIONS'), 'latin1');
  await client.closed();
  expect(client.answers.map(({ code }) => code)).toStrictEqual([200]);
});

test('a peer that reads no answers is let go, and holds no memory', async () => {
  const stage = await openCallStage();
  const client = await tcpClient(stage.ports.tcp);
  client.socket.pause();
  const chunk = requestText('OPTIONS', { Subject: 'x' }).repeat(100);
  let flowing = true;
  client.socket.on('close', () => (flowing = false));
  const rssBefore = process.memoryUsage().rss;
  for (let sent = 0; sent < 2000 && flowing; sent += 1) {
    if (!client.socket.write(chunk)) await sleep(10);
    if (stage.sessions.list().length === 0) flowing = false;
  }
  await until('it to be let go', () => stage.sessions.list().length === 0);
  expect(process.memoryUsage().rss - rssBefore).toBeLessThan(150 * 1024 * 1024);
  const other = await tcpClient(stage.ports.tcp);
  other.send(requestText('OPTIONS'));
  expect((await other.next()).code).toBe(200);
}, 20_000);

test('a fault of ours ends the connection that it is in, and nothing else', async () => {
  const stage = await openCallStage({
    recordCall: () => {
      throw new Error('no room on the disk');
    },
  });
  const [client, other] = [await tcpClient(stage.ports.tcp), await tcpClient(stage.ports.tcp)];
  client.send(requestText('INVITE'));
  await client.closed();
  expect(errorsOf(stage)).toMatchObject([{ message: 'fault in a SIP message', error: 'no room on the disk' }]);
  other.send(requestText('OPTIONS'));
  expect((await other.next()).code).toBe(200);
});

test('a connection that is drained says what it has to say, hears nothing more and ends', async () => {
  const stage = await openCallStage();
  const client = await tcpClient(stage.ports.tcp);
  client.send(requestText('OPTIONS'));
  await client.next();
  expect(stage.sessions.list()).toMatchObject([
    { protocol: 'sip', clientAddress: '127.0.0.1', user: null, server: null },
  ]);
  for (const session of stage.sessions.list()) session.drain();
  await client.closed();
  await until('it to be forgotten', () => stage.sessions.list().length === 0);
});

test('one that does not close its side after that is closed', async () => {
  const stage = await openCallStage({ limits: { preAuthTimeout: 200, idleTimeout: 60_000 } });
  const client = await tcpClient(stage.ports.tcp);
  client.socket.allowHalfOpen = true;
  client.send(requestText('OPTIONS'));
  await client.next();
  for (const session of stage.sessions.list()) session.drain();
  client.send(requestText('OPTIONS'));
  await until('it to be gone', () => stage.sessions.list().length === 0, 40_000);
  expect(client.answers).toHaveLength(1);
}, 45_000);
