import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type HostMoment, type ScriptedHost, startScriptedHost } from '../support/peers/scripted-host.js';
import { type SmtpSink, startSmtpSink } from '../support/peers/smtp-sink.js';
import { describePeer } from '../support/require-peer.js';
import { until } from '../support/until.js';
import { impatient, type OutboundEstate, startOutboundEstate } from './outbound-estate.js';
import { codeOf, copiesOf, message, send, sendUntilTaken } from './outbound-sender.js';

const to = ['kim@fabrikam.example'];

describe('one of two smart hosts dies', () => {
  let hosts: [ScriptedHost, ScriptedHost];
  let estate: OutboundEstate;
  /** The first host for which it is true dies. */
  let mustDie: (moment: HostMoment, line: string) => boolean = () => false;
  let deaths = 0;

  beforeAll(async () => {
    const at = (moment: HostMoment, line: string): 'die' | undefined => {
      if (!mustDie(moment, line)) return undefined;
      deaths += 1;
      return 'die';
    };
    hosts = [
      await startScriptedHost({ address: '127.0.0.31', at }),
      await startScriptedHost({ address: '127.0.0.32', at }),
    ];
    const smartHosts = hosts.map(({ address, port }) => `[${address}]:${port}`);
    estate = await startOutboundEstate({ sendConnectors: [{ ...impatient, name: 'Pair', smartHosts, tls: 'none' }] });
  });
  beforeEach(async () => {
    mustDie = () => false;
    deaths = 0;
    // Both begin anew, so that there is no connection from before.
    for (const host of hosts) host.die();
    for (const host of hosts) await host.revive();
  });
  afterAll(async () => {
    await estate?.usher.stop();
    for (const host of hosts ?? []) host.close();
  });

  const kept = () => hosts.flatMap(({ messages }) => messages);

  function dieOnceAt(wanted: HostMoment, bytesMin = 0): void {
    mustDie = (moment, line) => deaths === 0 && moment === wanted && (moment !== 'BODY' || Number(line) >= bytesMin);
  }

  test('they share the messages', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `share-${index}`);
    for (const id of ids)
      expect(codeOf((await send(estate.ports.proxy, { to, content: message(id) })).end)).toMatch(/^250/);
    const shares = hosts.map(({ messages }) => ids.filter((id) => copiesOf(messages, id).length > 0).length);
    expect(shares.reduce((sum, share) => sum + share)).toBe(20);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(5);
  });

  test.each([
    ['GREETING', 1],
    ['EHLO', 1],
    ['MAIL', 1],
    ['RCPT', 1],
    ['DATA', 1],
    ['END', 2],
  ] as const)('at %s: the message is there once, after %i tries', async (moment, tries) => {
    dieOnceAt(moment);
    const id = `once-${moment}`;
    expect(await sendUntilTaken(estate.ports.proxy, { to, content: message(id, 100_000) })).toHaveLength(tries);
    expect(deaths).toBe(1);
    expect(copiesOf(kept(), id)).toHaveLength(1);
  });

  test('in the middle of the data: the other gets it from the beginning, and the sender notices nothing', async () => {
    dieOnceAt('BODY');
    const mail = { to, content: message('middle', 100_000) };
    const said = await sendUntilTaken(estate.ports.proxy, mail, () =>
      until('the death', () => deaths === 1).then(() => {}),
    );
    expect(said).toHaveLength(1);
    const copies = copiesOf(kept(), 'middle');
    expect(copies).toHaveLength(1);
    expect(copies[0]?.content.endsWith(mail.content)).toBe(true);
  });

  test('late in a message too large to be sent again: the sender is asked to', async () => {
    dieOnceAt('BODY', 400_000);
    const said = await sendUntilTaken(estate.ports.proxy, { to, content: message('large', 3_000_000) });
    expect(said.map(codeOf)).toEqual(['451 4.4.2', expect.stringMatching(/^250/)]);
    expect(copiesOf(kept(), 'large')).toHaveLength(1);
  });

  test('after it has kept the message, before its answer: the only case of a second copy', async () => {
    dieOnceAt('KEPT');
    const said = await sendUntilTaken(estate.ports.proxy, { to, content: message('twice') });
    expect(said.map(codeOf)).toEqual(['451 4.4.2', expect.stringMatching(/^250/)]);
    const copies = copiesOf(kept(), 'twice');
    expect(copies).toHaveLength(2);
    expect(copies.every(({ content }) => content.endsWith(message('twice')))).toBe(true);
  });

  test('both: the message waits with its sender until one is back', async () => {
    mustDie = (moment) => deaths < 2 && moment === 'MAIL';
    const sent = sendUntilTaken(estate.ports.proxy, { to, content: message('both') });
    const revival = setTimeout(() => void hosts[1].revive(), 400);
    const said = await sent;
    clearTimeout(revival);
    expect(deaths).toBe(2);
    expect(said.length).toBeGreaterThan(1);
    expect(said.slice(0, -1).every((reply) => codeOf(reply).startsWith('451 4.4.'))).toBe(true);
    expect(copiesOf(kept(), 'both')).toHaveLength(1);
    hosts[1].die();
  });
});

describe('three smart hosts that cut connections now and then', () => {
  const moments = ['GREETING', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'BODY', 'END', 'KEPT'] as const;
  let hosts: ScriptedHost[];
  let estate: OutboundEstate;
  const cuts = new Map<string, number>();

  beforeAll(async () => {
    let count = 0;
    // Every seventeenth moment, so that all kinds have their turn.
    const at = (moment: HostMoment): 'cut' | undefined => {
      count += 1;
      if (count % 17 !== 0) return undefined;
      cuts.set(moment, (cuts.get(moment) ?? 0) + 1);
      return 'cut';
    };
    hosts = [];
    for (const address of ['127.0.0.31', '127.0.0.32', '127.0.0.33'])
      hosts.push(await startScriptedHost({ address, at }));
    const smartHosts = hosts.map(({ address, port }) => `[${address}]:${port}`);
    estate = await startOutboundEstate({ sendConnectors: [{ ...impatient, name: 'Three', smartHosts, tls: 'none' }] });
  });
  afterAll(async () => {
    await estate?.usher.stop();
    for (const host of hosts ?? []) host.close();
  });

  test('every message is there whole, and twice only where the sender heard that it may be', async () => {
    const unconfirmed = new Map<string, number>();
    const sendAll = async (sender: number): Promise<void> => {
      for (let index = 0; index < 20; index++) {
        const id = `chaos-${sender}-${index}`;
        const said = await sendUntilTaken(estate.ports.proxy, { to, content: message(id, 150_000 * (index % 3)) });
        unconfirmed.set(id, said.filter((reply) => codeOf(reply) === '451 4.4.2').length);
      }
    };
    await Promise.all(Array.from({ length: 15 }, (_, sender) => sendAll(sender)));
    const kept = hosts.flatMap(({ messages }) => messages);
    for (const [id, doubts] of unconfirmed) {
      const copies = copiesOf(kept, id);
      expect(copies.length, id).toBeGreaterThanOrEqual(1);
      expect(copies.length - 1, id).toBeLessThanOrEqual(doubts);
      const content = message(id, 150_000 * (Number(id.split('-')[2]) % 3));
      expect(copies.every((copy) => copy.content.endsWith(content))).toBe(true);
    }
    expect(unconfirmed.size).toBe(300);
    expect([...cuts.keys()].sort()).toEqual([...moments].sort());
  });
});

describePeer('smtp-sink', 'a smart host is killed while many send', () => {
  let sinks: SmtpSink[];
  let estate: OutboundEstate;
  beforeAll(async () => {
    sinks = [await startSmtpSink({ name: 'smart1' }), await startSmtpSink({ name: 'smart2' })];
    const smartHosts = sinks.map(({ port }) => `[127.0.0.1]:${port}`);
    estate = await startOutboundEstate({ sendConnectors: [{ ...impatient, name: 'Pair', smartHosts }] });
  });
  afterAll(async () => {
    await estate?.usher.stop();
    await Promise.all((sinks ?? []).map((sink) => sink.stop()));
  });

  test('nothing that was answered 250 is lost, and only what was not confirmed is there twice', async () => {
    const senders = 10;
    const ids = Array.from({ length: 200 }, (_, index) => `kill-${index}`);
    let taken = 0;
    let unconfirmed = 0;
    const sendAll = async (own: readonly string[]): Promise<void> => {
      for (const id of own) {
        const said = await sendUntilTaken(estate.ports.proxy, { to, content: message(id, 4000) });
        unconfirmed += said.filter((reply) => codeOf(reply) === '451 4.4.2').length;
        taken += 1;
        if (taken === 60) process.kill(sinks[0]?.pid ?? 0, 'SIGKILL');
      }
    };
    await Promise.all(
      Array.from({ length: senders }, (_, sender) => sendAll(ids.filter((_id, index) => index % senders === sender))),
    );
    const kept = sinks.flatMap((sink) => sink.messages().map(({ text }) => ({ content: text })));
    const copies = ids.map((id) => copiesOf(kept, id).length);
    expect(copies.filter((count) => count === 0)).toEqual([]);
    expect(copies.reduce((sum, count) => sum + count) - ids.length).toBeLessThanOrEqual(unconfirmed);
    expect(sinks.map((sink) => sink.messages().length > 10)).toEqual([true, true]);
  });
});
