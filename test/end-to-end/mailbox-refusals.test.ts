import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stateFolder } from '../../src/settings.js';
import { freePorts } from '../support/free-port.js';
import { type Dovecot, startDovecot } from '../support/peers/dovecot.js';
import { describePeer } from '../support/require-peer.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import {
  accounts,
  type DoorPorts,
  dovecotEndpoints,
  mailboxDoors,
  mailboxEstate,
  passwordOf,
} from './mailbox-estate.js';

interface Refusal {
  readonly text: string;
  readonly tookMs: number;
}

const words = {
  imap: (user: string, password: string) => `a LOGIN ${user} "${password}"\r\nb LOGOUT\r\n`,
  pop: (user: string, password: string) => `USER ${user}\r\nPASS ${password}\r\nQUIT\r\n`,
} as const;

/** A whole conversation; every source address has a record of its own at the door. */
async function converse(port: number, localAddress: string, text: string): Promise<Refusal> {
  const begunAt = performance.now();
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  let heard = '';
  socket.on('data', (chunk: Buffer) => void (heard += chunk.toString('latin1')));
  await once(socket, 'connect');
  socket.write(text);
  await once(socket, 'close');
  return { text: heard, tookMs: performance.now() - begunAt };
}

const medianMs = (refusals: readonly Refusal[]): number => {
  const times = refusals.map(({ tookMs }) => tookMs).toSorted((one, other) => one - other);
  return times[Math.floor(times.length / 2)] ?? 0;
};

describePeer('dovecot', 'a wrong password and a name that nobody has', () => {
  let dovecot: Dovecot;
  let ports: DoorPorts;
  let usher: Usher;
  let sources = 0;

  beforeAll(async () => {
    // It takes half a second to refuse, so that a door that does not ask it could be told by the clock.
    dovecot = await startDovecot({ name: 'MBX', users: accounts('ann', 'bob') });
    const doors = await mailboxDoors();
    ports = doors.ports;
    usher = await startUsher(
      mailboxEstate({
        servers: [dovecotEndpoints(dovecot, 'none')],
        mailboxes: { DB1: ['ann@example.org', 'bob@example.org'] },
        listeners: doors.listeners,
      }),
    );
  });
  afterAll(async () => {
    await usher?.stop();
    await dovecot?.stop();
  });

  const refusals = (protocol: 'imap' | 'pop', users: readonly string[]): Promise<Refusal[]> =>
    Promise.all(
      users.map((user) => {
        sources += 1;
        const port = protocol === 'imap' ? ports.imapClear : ports.popClear;
        return converse(port, `127.0.3.${sources}`, words[protocol](user, 'wrong'));
      }),
    );

  test('are answered with the same bytes after the same time', async () => {
    await refusals('imap', ['ann@example.org']);
    const known = Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? 'ann@example.org' : 'bob@example.org'));
    const unknown = known.map((_, index) =>
      index % 2 === 0 ? `nobody${index}@example.org` : `ann${index}@elsewhere.example`,
    );
    for (const [protocol, words] of [
      ['imap', /^a NO \[AUTHENTICATIONFAILED\]/m],
      ['pop', /^-ERR \[AUTH\]/m],
    ] as const) {
      const [ofKnown, ofUnknown] = await Promise.all([refusals(protocol, known), refusals(protocol, unknown)]);
      expect(new Set([...ofKnown, ...ofUnknown].map(({ text }) => text)).size).toBe(1);
      expect(ofKnown[0]?.text).toMatch(words);
      expect(medianMs(ofKnown)).toBeGreaterThan(1400);
      expect(Math.abs(medianMs(ofKnown) - medianMs(ofUnknown))).toBeLessThan(250);
    }
  });

  test('the more of them come from an address, the longer each takes; others do not wait for it', async () => {
    const guesses: number[] = [];
    for (let count = 0; count < 2; count += 1) {
      const { tookMs } = await converse(ports.imapClear, '127.0.4.1', words.imap('nobody@example.org', 'guess'));
      guesses.push(tookMs);
    }
    const [first = 0, second = 0] = guesses;
    expect(second - first).toBeGreaterThan(500);
    const welcome = await converse(ports.imapClear, '127.0.4.2', words.imap('ann@example.org', passwordOf('ann')));
    expect(welcome.text).toMatch(/^a OK/m);
    expect(welcome.tookMs).toBeLessThan(500);
  });
});

describe('two front ends that take each other for the mailbox server', () => {
  const ushers: Usher[] = [];

  afterAll(async () => {
    await Promise.all(ushers.map((usher) => usher.stop()));
  });

  /** Two doors each for IMAP and POP, which are the endpoints of the other's only mailbox server. */
  async function startPair(told: 'told' | 'none'): Promise<{ pair: [Usher, Usher]; imap: number; pop: number }> {
    const [imap = 0, pop = 0, otherImap = 0, otherPop = 0] = await freePorts(4);
    const here = { imap, pop };
    const there = { imap: otherImap, pop: otherPop };
    const endpoints = ({ imap, pop }: typeof here) => ({
      imap: { port: imap, tls: 'none', clientAddress: told === 'told' ? 'id' : 'none' },
      pop: { port: pop, tls: 'none', clientAddress: told === 'told' ? 'xclient' : 'none' },
    });
    const start = (doors: typeof here, server: typeof here) =>
      startUsher(
        mailboxEstate({
          servers: [endpoints(server)],
          mailboxes: { DB1: ['ann@example.org'] },
          listeners: (['imap', 'pop'] as const).map((protocol) => ({
            name: protocol,
            protocol,
            bind: `127.0.0.1:${doors[protocol]}`,
            tls: 'none',
            plaintextLogin: true,
            limits: { maxConnections: 100 },
          })),
        }),
      );
    const pair: [Usher, Usher] = await Promise.all([start(here, there), start(there, here)]);
    ushers.push(...pair);
    return { pair, imap, pop };
  }

  /** How many conversations have ended with a refused login, by the log. */
  const refusedCountOf = ({ store }: Usher, protocol: 'imap' | 'pop'): number =>
    readFileSync(join(stateFolder(store), 'usher.log'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"login refused"') && line.includes(`"protocol":"${protocol}"`)).length;

  const hasNoSessions = async (usher: Usher): Promise<boolean> => {
    const { sessions } = JSON.parse(await usher.cli('status', '--json')) as { sessions: Record<string, number> };
    return Object.keys(sessions).length === 0;
  };

  test.each(['told', 'none'] as const)('refuse the login after a few turns (client address: %s)', async (told) => {
    const { pair, imap, pop } = await startPair(told);
    const [byImap, byPop] = await Promise.all([
      converse(imap, '127.0.0.1', words.imap('ann@example.org', 'secret')),
      converse(pop, '127.0.0.1', words.pop('ann@example.org', 'secret')),
    ]);
    expect(byImap.text).toMatch(/^a NO \[UNAVAILABLE\]/m);
    expect(byPop.text).toMatch(/^-ERR \[SYS\/TEMP\]/m);
    expect(Math.max(byImap.tookMs, byPop.tookMs)).toBeLessThan(10_000);
    await until('the sessions to be over', async () => (await Promise.all(pair.map(hasNoSessions))).every(Boolean));
    for (const protocol of ['imap', 'pop'] as const) {
      const turns = () => pair.reduce((sum, usher) => sum + refusedCountOf(usher, protocol), 0);
      await until('the log to be written', () => turns() >= 5);
      expect(turns()).toBeLessThanOrEqual(6);
    }
  });
});
