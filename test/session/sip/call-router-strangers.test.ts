import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openCallStage, usualEstate } from './call-stage.js';
import { following, requestText, tcpClient, udpClient } from './sip-client.js';

test.each(['INVITE', 'OPTIONS', 'REGISTER', 'BYE', 'CANCEL', 'NEWMETHOD'])('%s of a stranger: 403', async (method) => {
  const stage = await openCallStage();
  for (const client of [await udpClient(stage.ports.udp, '127.0.0.9'), await tcpClient(stage.ports.tcp, '127.0.0.9')]) {
    client.send(requestText(method));
    const answer = await client.next();
    expect([answer.code, answer.field('Contact'), answer.field('Allow')]).toStrictEqual([403, undefined, undefined]);
  }
  expect(stage.records).toHaveLength(0);
  expect(stage.outcomes).toStrictEqual(['stranger', 'stranger']);
});

test('a malformed request of a stranger is told nothing of what is wrong with it', async () => {
  const stage = await openCallStage();
  const client = await udpClient(stage.ports.udp, '127.0.0.9');
  client.send(requestText('INVITE', { From: null }));
  expect((await client.next()).code).toBe(403);
});

test('the 403 is sent once, whether an ACK comes or not, and ACKs are not answered', async () => {
  const stage = await openCallStage();
  const client = await udpClient(stage.ports.udp, '127.0.0.9');
  const invite = requestText('INVITE');
  client.send(invite);
  const first = await client.next();
  await sleep(1200);
  expect(client.answers).toHaveLength(1);
  client.send(following('ACK', invite, first.field('To')));
  client.send(invite);
  // Nothing was kept, and still the answer is the same.
  expect((await client.next()).text).toBe(first.text);
  expect(client.answers).toHaveLength(2);
});

test('five answers a second to one stranger; gateways and other strangers are answered meanwhile', async () => {
  let nowMs = 1000;
  const stage = await openCallStage({ nowMs: () => nowMs });
  const [stranger, other] = [
    await udpClient(stage.ports.udp, '127.0.0.9'),
    await udpClient(stage.ports.udp, '127.0.0.8'),
  ];
  const gateway = await udpClient(stage.ports.udp);
  for (const _ of Array(50)) stranger.send(requestText('INVITE'));
  other.send(requestText('OPTIONS'));
  gateway.send(requestText('OPTIONS'));
  expect([(await other.next()).code, (await gateway.next()).code]).toStrictEqual([403, 200]);
  expect(stranger.answers).toHaveLength(5);
  expect(stage.lines.filter(({ level }) => level === 'info')).toHaveLength(1);
  nowMs += 1000;
  stranger.send(requestText('INVITE'));
  await stranger.next();
  for (const _ of Array(5)) await stranger.next();
  expect(stranger.answers).toHaveLength(6);
});

test('a gateway that is switched off is a stranger, whose calls are on record', async () => {
  const stage = await openCallStage();
  const client = await udpClient(stage.ports.udp, '127.0.0.2');
  for (const method of ['INVITE', 'OPTIONS']) {
    client.send(requestText(method));
    expect((await client.next()).code).toBe(403);
  }
  expect(stage.records.map(({ status, reason, server }) => [status, reason, server])).toStrictEqual([
    [403, 'no-gateway', null],
  ]);
  expect(JSON.stringify(stage.records[0]?.trace)).toContain('is switched off');
});

test('who becomes a gateway is one from then on, on the same connection too; who is none any more is not', async () => {
  const stage = await openCallStage();
  const client = await tcpClient(stage.ports.tcp, '127.0.0.9');
  const codes: number[] = [];
  const ask = async (): Promise<void> => {
    const invite = requestText('INVITE');
    client.send(invite);
    const answer = await client.final();
    codes.push(answer.code);
    client.send(following('ACK', invite, answer.field('To')));
  };
  await ask();
  stage.change({
    callGateways: [{ name: 'GW1', address: '127.0.0.9' }],
    huntGroups: [{ name: 'HG1', gateway: 'GW1', dialPlan: 'DP1', pilot: '5000' }],
  });
  await ask();
  stage.change(usualEstate);
  await ask();
  expect(codes).toStrictEqual([403, 302, 403]);
});

test('a gateway whose hunt group is gone is refused its calls, and still told that we live', async () => {
  const stage = await openCallStage();
  const client = await udpClient(stage.ports.udp);
  stage.change({ huntGroups: [] });
  client.send(requestText('INVITE'));
  expect((await client.final()).code).toBe(403);
  client.send(requestText('OPTIONS'));
  expect((await client.final()).code).toBe(200);
  expect(stage.records).toMatchObject([{ status: 403, reason: 'no-hunt-group' }]);
});
