import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { freePorts } from '../support/free-port.js';
import { type SmtpSink, startSmtpSink } from '../support/peers/smtp-sink.js';
import { type Moment, type RecordingServer, startRecordingServer } from '../support/recording-server.js';
import { describePeer } from '../support/require-peer.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { plainEndpoint, smtpEstate } from './smtp-estate.js';
import { copiesOf, type Mail, sendUntilTaken, transactionsOf, unanswered } from './smtp-retrying-client.js';

describe('one of two servers dies', () => {
  let servers: [RecordingServer, RecordingServer];
  let usher: Usher;
  let port: number;
  /** The first server for which it is true dies. */
  let mustDie: (moment: Moment, line: string) => boolean = () => false;
  let deaths = 0;

  beforeAll(async () => {
    const at = (moment: Moment, line: string): 'die' | undefined => {
      if (!mustDie(moment, line)) return undefined;
      deaths += 1;
      return 'die';
    };
    servers = [await startRecordingServer({ at }), await startRecordingServer({ at })];
    [port = 0] = await freePorts(1);
    const connectors = [{ bindings: [`127.0.0.1:${port}`] }];
    usher = await startUsher(smtpEstate({ servers: servers.map(plainEndpoint), connectors }));
  });
  beforeEach(async () => {
    mustDie = () => false;
    deaths = 0;
    // Both begin anew, so that there is no connection from before.
    for (const server of servers) server.die();
    for (const server of servers) await server.revive();
  });
  afterAll(async () => {
    await usher?.stop();
    for (const server of servers ?? []) server.close();
  });

  const kept = () => servers.flatMap(({ messages }) => messages);

  function dieOnceAt(wanted: Moment, bytesMin = 0): void {
    mustDie = (moment, line) => deaths === 0 && moment === wanted && (moment !== 'BODY' || Number(line) >= bytesMin);
  }

  test.each([
    ['GREETING', 1],
    ['EHLO', 1],
    ['MAIL', 1],
    ['RCPT', 1],
    ['DATA', 1],
    ['ANSWERED', 1],
    ['END', 2],
  ] as const)('at %s: the message is there once, after %i tries', async (moment, tries) => {
    dieOnceAt(moment);
    const mail: Mail = { id: `once-${moment}`, bodyBytes: 100_000 };
    expect(await sendUntilTaken(port, mail)).toHaveLength(tries);
    expect(deaths).toBe(1);
    expect(copiesOf(kept(), mail)).toHaveLength(1);
  });

  test('in the middle of the data: the other gets it from the beginning, and the client notices nothing', async () => {
    dieOnceAt('BODY');
    const mail: Mail = { id: 'middle', bodyBytes: 100_000 };
    const tries = await sendUntilTaken(port, mail, async (moment) => {
      if (moment === 'BODY') await until('the death', () => deaths === 1);
    });
    expect(tries).toHaveLength(1);
    expect(copiesOf(kept(), mail)).toHaveLength(1);
  });

  test('after it has kept the message, before its answer: a second copy that can be known as one', async () => {
    dieOnceAt('KEPT');
    const mail: Mail = { id: 'twice', bodyBytes: 1000 };
    const tries = await sendUntilTaken(port, mail);
    expect(tries.map(({ reply }) => reply?.slice(0, 9))).toEqual(['451 4.4.2', '250 2.6.0']);
    const copies = copiesOf(kept(), mail);
    expect(copies).toHaveLength(2);
    expect(transactionsOf(copies)).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
  });

  test('late in a message too large to be sent again: the client is asked to', async () => {
    dieOnceAt('BODY', 400_000);
    const mail: Mail = { id: 'large', bodyBytes: 3_000_000 };
    const tries = await sendUntilTaken(port, mail);
    expect(tries.map(({ reply }) => reply?.slice(0, 9))).toEqual(['451 4.4.2', '250 2.6.0']);
    expect(copiesOf(kept(), mail)).toHaveLength(1);
  });

  test.each(['GREETING', 'MAIL', 'DATA', 'BODY', 'END'] as const)(
    'both at %s: the message waits with its client until one is back',
    async (moment) => {
      mustDie = (now) => deaths < 2 && now === moment;
      const mail: Mail = { id: `both-${moment}`, bodyBytes: 100_000 };
      const sent = sendUntilTaken(port, mail);
      const revival = setTimeout(() => void servers[1].revive(), 400);
      const tries = await sent;
      clearTimeout(revival);
      expect(deaths).toBe(2);
      expect(tries.length).toBeGreaterThan(1);
      expect(tries.slice(0, -1).every(({ reply }) => reply?.startsWith('451 4.4.'))).toBe(true);
      expect(copiesOf(kept(), mail)).toHaveLength(1);
      servers[1].die();
    },
  );
});

describePeer('smtp-sink', 'a server is killed while many clients send', () => {
  let sinks: SmtpSink[];
  let usher: Usher;
  let port: number;
  beforeAll(async () => {
    sinks = [await startSmtpSink({ name: 'MBX1' }), await startSmtpSink({ name: 'MBX2' })];
    [port = 0] = await freePorts(1);
    const connectors = [{ bindings: [`127.0.0.1:${port}`] }];
    usher = await startUsher(smtpEstate({ servers: sinks.map(plainEndpoint), connectors }));
  });
  afterAll(async () => {
    await usher?.stop();
    await Promise.all((sinks ?? []).map((sink) => sink.stop()));
  });

  test('nothing that was answered 250 is lost, and only what was not answered is there twice', async () => {
    const clients = 10;
    const mails = Array.from({ length: 200 }, (_, index): Mail => ({ id: `kill-${index}-`, bodyBytes: 4000 }));
    let taken = 0;
    let doubtful = 0;
    const [victim] = sinks;
    const send = async (own: readonly Mail[]): Promise<void> => {
      for (const mail of own) {
        doubtful += unanswered(await sendUntilTaken(port, mail));
        taken += 1;
        if (taken === 60) process.kill(victim?.pid ?? 0, 'SIGKILL');
      }
    };
    await Promise.all(
      Array.from({ length: clients }, (_, client) => send(mails.filter((_mail, index) => index % clients === client))),
    );
    const kept = sinks.flatMap((sink) => sink.messages().map(({ text }) => ({ content: text })));
    const copies = mails.map((mail) => copiesOf(kept, mail));
    expect(copies.filter(({ length }) => length === 0)).toEqual([]);
    expect(copies.flat().length - mails.length).toBeLessThanOrEqual(doubtful);
    expect(copies.every((own) => transactionsOf(own).length === 1)).toBe(true);
    // Both had their share before.
    expect(sinks.map((sink) => sink.messages().length > 10)).toEqual([true, true]);
  });
});
