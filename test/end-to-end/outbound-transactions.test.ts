import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type HostMoment, type ScriptedHost, startScriptedHost } from '../support/peers/scripted-host.js';
import { type OutboundEstate, startOutboundEstate } from './outbound-estate.js';
import { codeOf, connectSender, copiesOf, lastOf, message, send } from './outbound-sender.js';

describe('transactions out of the estate', () => {
  let host: ScriptedHost;
  let hq1: ScriptedHost;
  /** Knows only what SMTP has always had, and small messages. */
  let old: ScriptedHost;
  let estate: OutboundEstate;
  /** What the host says in place of the usual. */
  let refusal: { moment: HostMoment; text: string; only?: string } | null = null;

  beforeAll(async () => {
    host = await startScriptedHost({
      at: (moment, line) => {
        if (refusal?.moment !== moment || !line.includes(refusal.only ?? '')) return undefined;
        return { say: refusal.text };
      },
    });
    hq1 = await startScriptedHost({ address: '127.0.0.21' });
    old = await startScriptedHost({
      at: (moment) => (moment === 'EHLO' ? { say: '250-old\r\n250 SIZE 3000' } : undefined),
    });
    const smartHosts = [`[127.0.0.1]:${host.port}`];
    const narrow = { smartHosts, maxMessageSize: 100_000 };
    estate = await startOutboundEstate({
      hq1Port: hq1.port,
      sendConnectors: [
        { name: 'Both', smartHosts, addressSpaces: ['one.example', 'two.example'] },
        { ...narrow, name: 'Third', addressSpaces: ['three.example'] },
        { name: 'Old', smartHosts: [`[127.0.0.1]:${old.port}`], addressSpaces: ['old.example'] },
        { name: 'Mixed', smartHosts: [`[127.0.0.1]:${old.port}`, ...smartHosts], addressSpaces: ['mixed.example'] },
      ],
    });
  });
  beforeEach(() => {
    refusal = null;
  });
  afterAll(async () => {
    await estate?.usher.stop();
    host?.close();
    hq1?.close();
    old?.close();
  });

  const recipientsOf = (id: string) => copiesOf(host.messages, id).map(({ to }) => to);

  test('two domains of one smart host share a transaction', async () => {
    const to = ['kim@one.example', 'lee@two.example'];
    const { rcpt, end } = await send(estate.ports.proxy, { to, content: message('shared') });
    expect(rcpt?.map(codeOf)).toEqual(['250 2.1.5', '250 2.1.5']);
    expect(codeOf(end)).toMatch(/^250/);
    expect(recipientsOf('shared')).toEqual([to]);
  });

  test.each([
    [['kim@one.example', 'ann@contoso.com'], 1, 0],
    [['ann@contoso.com', 'kim@one.example'], 0, 1],
    [['kim@one.example', 'kim@three.example'], 1, 0],
  ] as const)('%j: the second is to come in a transaction of its own', async (to, outside, inside) => {
    const id = to.join('-').replaceAll('@', '-');
    const { rcpt, end } = await send(estate.ports.front, { to, content: message(id) });
    expect(rcpt?.map(codeOf)).toEqual(['250 2.1.5', '452 4.5.3']);
    expect(codeOf(end)).toMatch(/^250/);
    expect(recipientsOf(id)).toEqual(outside === 1 ? [[to[0]]] : []);
    expect(copiesOf(hq1.messages, id)).toHaveLength(inside);
  });

  test.each([
    ['MAIL', '550 5.1.8 we do not like Ann'],
    ['RCPT', '550 5.1.1 Kim left in May'],
    ['DATA', '554 5.7.1 not on a Monday'],
    ['END', '554 5.6.0 seven bad words'],
    ['RCPT', '450 4.2.1 Kim sleeps'],
    ['END', '452 4.3.1 the disk is full'],
  ] as const)('at %s the words %j of the host are passed on', async (moment, text) => {
    refusal = { moment, text };
    const id = `${moment}-${text.slice(0, 3)}`;
    const answers = await send(estate.ports.proxy, { to: ['kim@one.example'], content: message(id) });
    expect(codeOf(lastOf(answers))).toBe(text.slice(0, 9));
    expect(lastOf(answers)).toContain(text.slice(10));
    expect(copiesOf(host.messages, id)).toEqual([]);
    refusal = null;
    const again = await send(estate.ports.proxy, { to: ['kim@one.example'], content: message(id) });
    expect(codeOf(again.end)).toMatch(/^250/);
  });

  test('a refused recipient does not keep the others from it', async () => {
    refusal = { moment: 'RCPT', text: '550 5.1.1 no such user here', only: 'lee@' };
    const to = ['kim@one.example', 'lee@two.example', 'max@two.example'];
    const { rcpt, end } = await send(estate.ports.proxy, { to, content: message('one-refused') });
    expect(rcpt?.map(codeOf)).toEqual(['250 2.1.5', '550 5.1.1', '250 2.1.5']);
    expect(rcpt?.[1]).toContain('no such user here');
    expect(codeOf(end)).toMatch(/^250/);
    expect(recipientsOf('one-refused')).toEqual([['kim@one.example', 'max@two.example']]);
  });

  test('a domain that no connector takes', async () => {
    const before = host.connections().total;
    const { rcpt } = await send(estate.ports.proxy, { to: ['kim@four.example'], content: message('none') });
    expect(rcpt?.map(codeOf)).toEqual(['550 5.4.4']);
    expect(host.connections().total).toBe(before);
  });

  test.each(['SIZE=150000', ''])('too large for every connector (%s)', async (mailParameters) => {
    const mail = { to: ['kim@three.example'], content: message('too-large', 150_000), mailParameters };
    expect(codeOf(lastOf(await send(estate.ports.proxy, mail)))).toBe('552 5.3.4');
    expect(copiesOf(host.messages, 'too-large')).toEqual([]);
    const fits = { ...mail, content: message('fits', 50_000), mailParameters: mailParameters && 'SIZE=60000' };
    expect(codeOf((await send(estate.ports.proxy, fits)).end)).toMatch(/^250/);
  });

  test('a message that has come round too often', async () => {
    const hop = 'Received: from a.example by b.example; Sun, 22 Nov 2026 10:00:00 +0000\r\n';
    const content = `${hop.repeat(61)}${message('hops')}`;
    const { end } = await send(estate.ports.proxy, { to: ['kim@one.example'], content });
    expect(codeOf(end)).toBe('554 5.4.14');
    expect(copiesOf(host.messages, 'hops')).toEqual([]);
  });

  test('a transaction given up leaves nothing behind, and the next one goes', async () => {
    const sender = await connectSender(estate.ports.proxy);
    expect(await sender.ask('MAIL FROM:<ann@contoso.com>')).toMatch(/^250/);
    expect(await sender.ask('RCPT TO:<kim@one.example>')).toMatch(/^250/);
    expect(await sender.ask('RSET')).toMatch(/^250/);
    const { end } = await sender.deliver({ to: ['lee@two.example'], content: message('after-reset') });
    expect(codeOf(end)).toMatch(/^250/);
    expect(recipientsOf('after-reset')).toEqual([['lee@two.example']]);
    sender.close();
  });

  test('a sender that goes in the middle of the data leaves no message', async () => {
    const sender = await connectSender(estate.ports.proxy);
    const gone = sender
      .deliver({ to: ['kim@one.example'], content: message('cut', 200_000) }, () => sender.close())
      .catch(() => undefined);
    await gone;
    const { end } = await send(estate.ports.proxy, { to: ['kim@one.example'], content: message('after-cut') });
    expect(codeOf(end)).toMatch(/^250/);
    expect(copiesOf(host.messages, 'cut')).toEqual([]);
  });

  test.each([
    ['BODY=8BITMIME', '554 5.6.3'],
    ['SMTPUTF8', '550 5.6.7'],
    ['SIZE=5000', '552 5.3.4'],
  ])('what only one of the hosts can take goes there (%s)', async (mailParameters, code) => {
    const alone = { to: ['kim@old.example'], content: message('alone'), mailParameters };
    expect(codeOf(lastOf(await send(estate.ports.proxy, alone)))).toBe(code);
    // They take turns, so that both come first once.
    for (const id of [`${mailParameters}-1`, `${mailParameters}-2`]) {
      const mail = { to: ['kim@mixed.example'], content: message(id), mailParameters };
      expect(codeOf((await send(estate.ports.proxy, mail)).end)).toMatch(/^250/);
      expect(copiesOf(host.messages, id)).toHaveLength(1);
    }
    expect(old.messages).toEqual([]);
  });

  test('a host that knows no EHLO is greeted as of old', async () => {
    refusal = { moment: 'EHLO', text: '500 what?' };
    host.die();
    await host.revive();
    const { end } = await send(estate.ports.proxy, { to: ['kim@one.example'], content: message('helo') });
    expect(codeOf(end)).toMatch(/^250/);
    expect(host.commands.some(({ line }) => line === 'HELO front.contoso.com')).toBe(true);
    refusal = null;
    host.die();
    await host.revive();
  });

  test('300 recipients at once', async () => {
    const to = Array.from({ length: 300 }, (_, index) => `kim${index}@one.example`);
    const { rcpt, end } = await send(estate.ports.proxy, { to, content: message('three-hundred') });
    expect(rcpt?.filter((reply) => codeOf(reply) !== '250 2.1.5')).toEqual([]);
    expect(codeOf(end)).toMatch(/^250/);
    expect(recipientsOf('three-hundred')).toEqual([to]);
  });
});
