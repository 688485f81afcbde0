import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../support/free-port.js';
import { processGroup } from '../support/peers/process-group.js';
import { type Moment, type RecordingServer, startRecordingServer } from '../support/recording-server.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { plainEndpoint, smtpEstate } from './smtp-estate.js';
import { type ClientMoment, copiesOf, type Mail, sendUntilTaken, transactionsOf } from './smtp-retrying-client.js';

describe('the front end is killed and started again', () => {
  let servers: [RecordingServer, RecordingServer];
  let usher: Usher;
  let port: number;
  let pid = 0;
  let killAt: Moment | null = null;
  let restarted: Promise<void> = Promise.resolve();

  beforeAll(async () => {
    const at = async (moment: Moment): Promise<undefined> => {
      if (moment !== killAt) return;
      killAt = null;
      await kill();
    };
    servers = [await startRecordingServer({ at }), await startRecordingServer({ at })];
    [port = 0] = await freePorts(1);
    const connectors = [{ bindings: [`127.0.0.1:${port}`] }];
    usher = await startUsher(smtpEstate({ servers: servers.map(plainEndpoint), connectors }), false);
    await start();
  });
  afterAll(async () => {
    await restarted;
    await usher?.stop();
    for (const server of servers ?? []) server.close();
  });

  async function start(): Promise<void> {
    pid = (JSON.parse(await usher.cli('start', '--json')) as { pid: number }).pid;
  }

  /** Resolves when the process is gone; the next one is on its way then. */
  async function kill(): Promise<void> {
    process.kill(pid, 'SIGKILL');
    await until('the process to be gone', () => processGroup(pid).length === 0);
    restarted = start();
  }

  const kept = () => servers.flatMap(({ messages }) => messages);

  test.each(['GREETING', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'BODY', 'TAKEN'] as const satisfies readonly ClientMoment[])(
    'when the client has come to %s: the message is there once',
    async (moment) => {
      let kills = 0;
      const mail: Mail = { id: `client-${moment}`, bodyBytes: 100_000 };
      await sendUntilTaken(port, mail, async (now) => {
        if (now !== moment || kills > 0) return;
        kills += 1;
        await kill();
      });
      await restarted;
      expect(kills).toBe(1);
      expect(copiesOf(kept(), mail)).toHaveLength(1);
    },
  );

  test.each(['MAIL', 'DATA', 'BODY'] as const)('when the server has come to %s: it is there once', async (moment) => {
    killAt = moment;
    const mail: Mail = { id: `server-${moment}`, bodyBytes: 100_000 };
    const tries = await sendUntilTaken(port, mail, async (now) => {
      // The rest of the message is not on its way to the server yet when the front end is killed.
      if (now === 'BODY') await until('the kill', () => killAt === null);
    });
    expect(tries.length).toBeGreaterThan(1);
    await restarted;
    expect(copiesOf(kept(), mail)).toHaveLength(1);
  });

  test.each(['END', 'KEPT'] as const)('at %s of the server: twice, known by one transaction', async (moment) => {
    killAt = moment;
    const mail: Mail = { id: `doubt-${moment}`, bodyBytes: 100_000 };
    const tries = await sendUntilTaken(port, mail);
    await restarted;
    expect(tries.filter(({ moment: reached }) => reached === 'SENT')).toHaveLength(1);
    const copies = copiesOf(kept(), mail);
    expect(copies).toHaveLength(2);
    expect(transactionsOf(copies)).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
  });

  test('when the answer of the server is on its way: as often as the client sent it', async () => {
    killAt = 'ANSWERED';
    const mail: Mail = { id: 'answered', bodyBytes: 1000 };
    const tries = await sendUntilTaken(port, mail);
    await restarted;
    const copies = copiesOf(kept(), mail);
    const sent = tries.filter(({ moment }) => moment === 'SENT' || moment === 'TAKEN');
    expect(copies).toHaveLength(sent.length);
    expect(transactionsOf(copies)).toHaveLength(1);
  });
});
