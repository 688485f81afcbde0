import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ScriptedHost, startScriptedHost } from '../support/peers/scripted-host.js';
import { type OutboundEstate, startOutboundEstate } from './outbound-estate.js';
import { codeOf, connectSender, copiesOf, message, sendUntilTaken } from './outbound-sender.js';

describe('connections to one host', () => {
  let host: ScriptedHost;
  let busy: ScriptedHost;
  let single: ScriptedHost;
  let bye = false;
  let estate: OutboundEstate;

  beforeAll(async () => {
    host = await startScriptedHost();
    // Takes its time, so that senders meet.
    busy = await startScriptedHost({
      at: async (moment) => {
        if (moment === 'END') await sleep(20);
        return undefined;
      },
    });
    single = await startScriptedHost({
      at: (moment, line) => {
        if (moment === 'MAIL') bye = line.includes('bye@');
        return moment === 'KEPT' && bye ? { say: '250 2.0.0 ok\r\n421 4.4.2 bye' } : undefined;
      },
    });
    const limits = { maxMessagesPerConnection: 20 };
    estate = await startOutboundEstate({
      sendConnectors: [
        { ...limits, name: 'One', addressSpaces: ['one.example'], smartHosts: [`[127.0.0.1]:${host.port}`] },
        {
          ...limits,
          name: 'Busy',
          addressSpaces: ['busy.example'],
          smartHosts: [`[127.0.0.1]:${busy.port}`],
          maxConnectionsPerHost: 5,
        },
        {
          name: 'Single',
          addressSpaces: ['single.example'],
          smartHosts: [`[127.0.0.1]:${single.port}`],
          maxConnectionsPerHost: 1,
        },
        {
          name: 'Brief',
          addressSpaces: ['brief.example'],
          smartHosts: [`[127.0.0.1]:${host.port}`],
          idleTimeout: '0s',
        },
      ],
    });
  });
  afterAll(async () => {
    await estate?.usher.stop();
    host?.close();
    busy?.close();
    single?.close();
  });

  test('serve 20 messages each, one after the other', async () => {
    const sender = await connectSender(estate.ports.proxy);
    for (let index = 0; index < 100; index++) {
      const { end } = await sender.deliver({ to: ['kim@one.example'], content: message(`one-${index}`) });
      expect(codeOf(end)).toMatch(/^250/);
    }
    sender.close();
    const byConnection = new Map<number, number>();
    for (const { connection } of host.messages) byConnection.set(connection, (byConnection.get(connection) ?? 0) + 1);
    expect([...byConnection.values()]).toEqual([20, 20, 20, 20, 20]);
  });

  test('are never more than the limit, and 50 senders wait their turn', async () => {
    const ids = Array.from({ length: 100 }, (_, index) => `busy-${index}`);
    const said: (string | null)[] = [];
    const senders = Array.from({ length: 50 }, async (_, sender) => {
      for (const id of ids.slice(sender * 2, sender * 2 + 2))
        said.push(...(await sendUntilTaken(estate.ports.proxy, { to: ['kim@busy.example'], content: message(id) })));
    });
    await Promise.all(senders);
    expect(ids.filter((id) => copiesOf(busy.messages, id).length !== 1)).toEqual([]);
    expect(said.filter((reply) => !codeOf(reply).startsWith('250'))).toEqual([]);
    const { total, peak } = busy.connections();
    expect(total).toBeGreaterThanOrEqual(5);
    expect(total).toBeLessThan(40);
    expect(peak).toBeLessThanOrEqual(5);
  });

  test('are not kept where the connector says so', async () => {
    const before = host.connections().total;
    for (const id of ['brief-1', 'brief-2', 'brief-3'])
      await sendUntilTaken(estate.ports.proxy, { to: ['kim@brief.example'], content: message(id) });
    expect(host.connections().total - before).toBe(3);
  });

  const toSingle = (id: string, from = 'ann@contoso.com') => ({
    from,
    to: ['kim@single.example'],
    content: message(id),
  });

  test('are given back by a transaction that was given up, and the next in line gets them', async () => {
    const holder = await connectSender(estate.ports.proxy);
    for (let count = 0; count < 10; count++) {
      expect(await holder.ask('MAIL FROM:<ann@contoso.com>')).toMatch(/^250/);
      expect(await holder.ask('RCPT TO:<kim@single.example>')).toMatch(/^250/);
      expect(await holder.ask('RSET')).toMatch(/^250/);
    }
    expect(await holder.ask('MAIL FROM:<ann@contoso.com>')).toMatch(/^250/);
    expect(await holder.ask('RCPT TO:<kim@single.example>')).toMatch(/^250/);
    const second = sendUntilTaken(estate.ports.proxy, toSingle('second'));
    await sleep(200);
    expect(copiesOf(single.messages, 'second')).toEqual([]);
    expect(await holder.ask('RSET')).toMatch(/^250/);
    expect((await second).map(codeOf)).toEqual([expect.stringMatching(/^250/)]);
    expect(single.connections()).toEqual({ total: 1, peak: 1 });
    holder.close();
  });

  test('that the host has said goodbye to are not used again', async () => {
    for (const id of ['bye-1', 'bye-2', 'bye-3']) {
      const said = await sendUntilTaken(estate.ports.proxy, toSingle(id, 'bye@contoso.com'));
      expect(said.map(codeOf)).toEqual([expect.stringMatching(/^250/)]);
      expect(copiesOf(single.messages, id)).toHaveLength(1);
    }
  });
});

describe('a connector that changes while mail flows', () => {
  let hosts: ScriptedHost[];
  let estate: OutboundEstate;

  beforeAll(async () => {
    hosts = [await startScriptedHost({ address: '127.0.0.31' }), await startScriptedHost({ address: '127.0.0.32' })];
    estate = await startOutboundEstate({
      sendConnectors: [{ name: 'Smart', smartHosts: [wordsOf(hosts[0])] }],
    });
  });
  afterAll(async () => {
    await estate?.usher.stop();
    for (const host of hosts ?? []) host.close();
  });

  const wordsOf = (host: ScriptedHost | undefined): string => `[${host?.address}]:${host?.port}`;
  const heldBy = (host: ScriptedHost | undefined, id: string): number => copiesOf(host?.messages ?? [], id).length;

  test('no message is lost, and new ones go the new way, over old connections of senders too', async () => {
    const ids: string[] = [];
    const after: string[] = [];
    const change: { state: 'not-yet' | 'in-force' } = { state: 'not-yet' };
    const flow = async (name: number): Promise<void> => {
      const sender = await connectSender(estate.ports.proxy);
      for (let index = 0; change.state === 'not-yet' || index < 3 || after.length < 40; index++) {
        const id = `flow-${name}-${index}`;
        if (change.state === 'in-force') after.push(id);
        const { end } = await sender.deliver({ to: ['kim@fabrikam.example'], content: message(id, 2000) });
        expect(codeOf(end)).toMatch(/^250/);
        ids.push(id);
        await sleep(5);
      }
      sender.close();
    };
    const flows = Promise.all(Array.from({ length: 10 }, (_, name) => flow(name)));
    await sleep(300);
    await estate.usher.cli('send-connector', 'update', 'Smart', '--smart-hosts', wordsOf(hosts[1]));
    change.state = 'in-force';
    await flows;
    expect(ids.filter((id) => heldBy(hosts[0], id) + heldBy(hosts[1], id) !== 1)).toEqual([]);
    expect(after.filter((id) => heldBy(hosts[1], id) !== 1)).toEqual([]);
    expect(hosts.map(({ messages }) => messages.length > 20)).toEqual([true, true]);
  });

  test('a connector switched off leaves no way', async () => {
    const sender = await connectSender(estate.ports.proxy);
    const mail = { to: ['kim@fabrikam.example'], content: message('before-off') };
    expect(codeOf((await sender.deliver(mail)).end)).toMatch(/^250/);
    await estate.usher.cli('send-connector', 'update', 'Smart', '--no-enabled');
    expect((await sender.deliver({ ...mail, content: message('off') })).rcpt?.map(codeOf)).toEqual(['550 5.4.4']);
    sender.close();
  });
});
