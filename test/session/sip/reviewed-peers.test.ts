import { describe, expect, test } from 'vitest';
import { gatewaysOf, linesOf } from '../../../src/routing/call-gateways.js';
import { topologyOf } from '../../support/topology-of.js';
import { openCallStage, usualEstate } from './call-stage.js';
import { following, requestText, tcpClient, udpClient } from './sip-client.js';

const twoGateways = {
  estate: {
    callGateways: [
      { name: 'GW1', address: '127.0.0.1' },
      { name: 'GW9', address: '127.0.0.9' },
    ],
    huntGroups: [
      { name: 'HG1', gateway: 'GW1', dialPlan: 'DP1', pilot: '5000' },
      { name: 'HG9', gateway: 'GW9', dialPlan: 'DP1', pilot: '5000' },
    ],
  },
};

describe('two gateways that count their branches and have the same private address', () => {
  // RFC 3261 §8.1.1.7 asks for more, §17.2.3 helps only where the sent-by differs.
  const same = { Via: 'SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1;rport' };

  test('each call has its own answer', async () => {
    const stage = await openCallStage(twoGateways);
    const [one, other] = [await udpClient(stage.ports.udp), await udpClient(stage.ports.udp, '127.0.0.9')];
    one.send(requestText('INVITE', same, { uri: 'sip:5101@cas1.contoso.com' }));
    expect((await one.final()).field('Contact')).toContain('mbx1.contoso.com');
    const invite = requestText('INVITE', { ...same, 'Call-ID': 'mine' }, { uri: 'sip:5102@cas1.contoso.com' });
    other.send(invite);
    const answer = await other.final();
    expect(answer.field('Call-ID')).toBe('mine');
    expect(answer.field('Contact')).toContain('mbx2.contoso.com');
    other.send(invite);
    expect((await other.next()).text).toBe(answer.text);
    expect(stage.records).toHaveLength(2);
  });

  test('the ACK and the CANCEL of one are not those of the other', async () => {
    const stage = await openCallStage(twoGateways);
    const [one, other] = [await udpClient(stage.ports.udp), await udpClient(stage.ports.udp, '127.0.0.9')];
    one.send(requestText('INVITE', same));
    await one.final();
    const strange = requestText('INVITE', same);
    other.send(following('CANCEL', strange));
    expect((await other.next()).code).toBe(481);
    other.send(following('ACK', strange, '<sip:5000@cas1.contoso.com>;tag=x'));
    // Timer G goes on.
    expect((await one.next()).code).toBe(302);
  });
});

describe('a connection that is lost with the answer', () => {
  test('the call is answered when it is sent anew (RFC 3263 §4.3)', async () => {
    const stage = await openCallStage();
    const first = await tcpClient(stage.ports.tcp);
    const invite = requestText('INVITE');
    first.send(invite);
    await first.final();
    first.socket.resetAndDestroy();
    await first.closed();
    const second = await tcpClient(stage.ports.tcp);
    const anew = invite.replace('branch=z9hG4bK', 'branch=z9hG4bK-anew');
    second.send(anew);
    const answer = await second.final();
    expect(answer.code).toBe(302);
    second.send(anew);
    expect((await second.next()).text).toBe(answer.text);
    second.send(following('ACK', anew, answer.field('To')));
  });

  test('while it is open, the same request on another way is a loop', async () => {
    const stage = await openCallStage();
    const client = await tcpClient(stage.ports.tcp);
    const invite = requestText('INVITE');
    client.send(invite);
    expect((await client.final()).code).toBe(302);
    client.send(invite.replace('branch=z9hG4bK', 'branch=z9hG4bK-anew'));
    expect((await client.final()).code).toBe(482);
  });
});

test('gateways that share a name are the same by certificate and by address', () => {
  const shared = topologyOf({
    ...usualEstate,
    callGateways: [
      { name: 'GWA', address: 'gw.contoso.com' },
      { name: 'GWB', address: 'GW.contoso.com', enabled: false },
    ],
    huntGroups: [
      { name: 'HGA', gateway: 'GWA', dialPlan: 'DP2', pilot: '6000' },
      { name: 'HGB', gateway: 'GWB', dialPlan: 'DP2', pilot: '6001' },
    ],
  });
  const gateways = gatewaysOf(shared, { address: '192.0.2.1', certificateNames: ['gw.contoso.com'] });
  expect(gateways.map(({ name }) => name)).toStrictEqual(['GWA', 'GWB']);
  expect(linesOf(shared, gateways).map(({ group }) => group.name)).toStrictEqual(['HGA']);
});

describe('a door that is no more what it was', () => {
  const listener = { name: 'SIP', protocol: 'sip', bind: '127.0.0.1:5060' };

  test.each<[string, readonly object[]]>([
    ['is gone', []],
    ['asks for TLS', [{ ...listener, tls: 'implicit' }]],
  ])('one that %s: its connections have the answer they ask for, and end', async (_, listeners) => {
    const stage = await openCallStage();
    const client = await tcpClient(stage.ports.tcp);
    client.send(requestText('OPTIONS'));
    expect((await client.next()).code).toBe(200);
    stage.change({ listeners });
    const text = requestText('INVITE', {}, { body: 'v=0\r\n' });
    client.send(text.slice(0, 100));
    client.send(text.slice(100));
    expect((await client.final()).code).toBe(302);
    await client.closed();
    expect(stage.sessions.list()).toStrictEqual([]);
  });

  test('one that stays lets them be', async () => {
    const stage = await openCallStage();
    const client = await tcpClient(stage.ports.tcp);
    stage.change({ listeners: [{ ...listener, limits: { idleTimeout: '1m' } }] });
    for (const _ of Array(2)) {
      client.send(requestText('OPTIONS'));
      expect((await client.next()).code).toBe(200);
    }
  });
});
