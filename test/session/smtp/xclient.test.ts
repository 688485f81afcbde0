import { describe, expect, test } from 'vitest';
import { until } from '../../support/until.js';
import { doorParts } from './door-parts.js';
import type { DoorSetting } from './door-under-test.js';
import type { Script } from './scripted-server.js';
import { askAll, codesOf } from './smtp-client.js';

const parts = doorParts();
const trusted = { xclientPeers: ['127.0.0.0/8'], protocolLog: true };
const message = ['MAIL FROM:<eve@fabrikam.com>', 'RCPT TO:<ann@contoso.com>', 'DATA', 'Subject: x\r\n\r\nhello\r\n.'];
const taken = ['250 2.1.0', '250 2.1.5', '354', '250 2.6.0'];

async function openDoor(setting: DoorSetting = {}, script: Script = {}) {
  const mbx = await parts.server(script);
  return { mbx, door: await parts.doorTo([mbx], { connector: trusted, ...setting }) };
}

describe('a trusted peer', () => {
  test.each([
    ['192.0.2.9', '192.0.2.9', '[192.0.2.9]'],
    ['IPV6:2001:db8::9', '2001:db8::9', '[IPv6:2001:db8::9]'],
    ['IPV6:::ffff:192.0.2.9', '192.0.2.9', '[192.0.2.9]'],
  ])('says for whom it speaks (%s), and is greeted anew', async (given, address, literal) => {
    const { mbx, door } = await openDoor();
    const client = await parts.client(door);
    expect(await client.ask('EHLO relay')).toMatch(/^250[- ]XCLIENT NAME ADDR PORT PROTO HELO$/m);
    expect(
      await client.ask(`XCLIENT ADDR=${given} PORT=4711 NAME=outer.example HELO=outer+2Eexample PROTO=ESMTP`),
    ).toBe('220 front.contoso.com ESMTP usher');
    expect(codesOf([await client.ask('MAIL FROM:<>')])).toEqual(['503 5.5.2']);
    expect(codesOf(await askAll(client, ['EHLO outer.example', ...message]))).toEqual(['250', ...taken]);
    expect(mbx.messages[0]?.data).toContain(`Received: from outer.example (${literal})\r\n`);
    expect(door.tracked).toMatchObject([{ client: address, clientPort: 4711, helo: 'outer.example' }]);
  });

  test('is filtered as the client it speaks for, one after the other', async () => {
    const { mbx, door } = await openDoor({ estate: { filters: [{ ipBlock: [{ range: '192.0.2.66' }] }] } });
    const client = await parts.client(door);
    await askAll(client, ['XCLIENT ADDR=192.0.2.9', 'EHLO one.example']);
    expect(codesOf(await askAll(client, message))).toEqual(taken);
    await askAll(client, ['XCLIENT ADDR=192.0.2.66', 'EHLO two.example']);
    expect(codesOf(await askAll(client, message.slice(0, 3)))).toEqual(['250 2.1.0', '550 5.7.1', '421 4.7.0']);
    await until('nobody is left', () => door.open() === 0);
    expect(door.tracked.map(({ client, outcome }) => [client, outcome])).toEqual([
      ['192.0.2.9', 'accepted'],
      ['192.0.2.66', 'refused'],
    ]);
    expect(mbx.messages).toHaveLength(1);
  });

  test('is asked about again by the agents', async () => {
    const heard: string[] = [];
    const agents = [
      {
        name: 'witness',
        priority: 1,
        connect: ({ clientAddress, helo }: { clientAddress: string; helo: string | null }) => {
          heard.push(`${clientAddress} ${helo}`);
          return { kind: 'pass' } as const;
        },
      },
    ];
    const { door } = await openDoor({ agents });
    const client = await parts.client(door);
    await client.ask('XCLIENT ADDR=192.0.2.9 HELO=outer.example');
    expect(heard).toEqual(['127.0.0.1 null', '192.0.2.9 outer.example']);
  });

  test.each([
    ['XCLIENT', '501 5.5.4'],
    ['XCLIENT ADDR', '501 5.5.4'],
    ['XCLIENT LOGIN=ann', '501 5.5.4'],
    ['XCLIENT ADDR=elsewhere', '501 5.5.4'],
    ['XCLIENT ADDR=192.0.2.300', '501 5.5.4'],
    ['XCLIENT PORT=x', '501 5.5.4'],
    ['XCLIENT HELO=a+0Ab', '501 5.5.4'],
    ['XCLIENT NAME=[UNAVAILABLE] ADDR=[TEMPUNAVAIL]', '220'],
  ])('%j: %s', async (line, code) => {
    const { door } = await openDoor();
    const client = await parts.client(door);
    expect(codesOf([await client.ask(line)])).toEqual([code]);
    await client.ask('EHLO again');
    expect(codesOf(await askAll(client, message))).toEqual(taken);
    expect(door.tracked).toMatchObject([{ client: '127.0.0.1', helo: 'again' }]);
  });

  test('cannot change in the middle of a message', async () => {
    const { door } = await openDoor();
    const client = await parts.client(door);
    expect(codesOf(await askAll(client, [message[0] ?? '', 'XCLIENT ADDR=192.0.2.9']))).toEqual([
      '250 2.1.0',
      '503 5.5.1',
    ]);
    expect(codesOf(await askAll(client, message.slice(1)))).toEqual(taken.slice(1));
    expect(door.tracked).toMatchObject([{ client: '127.0.0.1' }]);
  });

  test("passes its client's address on to a server that wants to know", async () => {
    const endpoint = { clientAddress: 'xclient' };
    const { mbx, door } = await openDoor({ endpoint }, { capabilities: ['XCLIENT NAME ADDR PORT PROTO HELO'] });
    const client = await parts.client(door);
    await askAll(client, ['XCLIENT ADDR=192.0.2.9 PORT=4711', 'EHLO outer.example', ...message]);
    expect(mbx.commands.find((line) => line.startsWith('XCLIENT'))).toMatch(/ ADDR=192\.0\.2\.9\b.* PORT=4711\b/);
    expect(mbx.messages).toHaveLength(1);
  });
});

test('anybody else speaks of an unknown command', async () => {
  const { door } = await openDoor({ connector: { xclientPeers: ['10.0.0.0/8'] } });
  const client = await parts.client(door);
  expect(await client.ask('EHLO relay')).not.toContain('XCLIENT');
  expect(codesOf([await client.ask('XCLIENT ADDR=192.0.2.9')])).toEqual(['500 5.3.3']);
  await askAll(client, message);
  expect(door.tracked).toMatchObject([{ client: '127.0.0.1' }]);
});

test('a client that a peer speaks for is no peer itself, however it is asked', async () => {
  const { door } = await openDoor({ connector: { xclientPeers: ['192.0.2.9'], proxyPeers: ['127.0.0.1'] } });
  const client = await parts.bareClient(door);
  client.write(`PROXY TCP4 198.51.100.1 127.0.0.1 4711 ${door.port}\r\n`);
  await client.reply();
  expect(await client.ask('EHLO c')).not.toContain('XCLIENT');
});
