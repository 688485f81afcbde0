import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { createSessionCloser, type SessionCloser, spreadOf } from '../../src/runtime/close-sessions.js';
import type { Snapshot } from '../../src/session/door-services.js';
import { until } from '../support/until.js';
import { type EstateChange, estateWith, type TestSessions, testSessions } from './session-estate.js';

const closers: SessionCloser[] = [];
afterEach(() => {
  for (const closer of closers.splice(0)) closer.stop();
});

interface Moves {
  readonly sessions: TestSessions;
  readonly closer: SessionCloser;
  readonly logged: string[];
  change(estate: EstateChange | Snapshot): void;
}

function moves(options: { readonly spreadMs?: number; readonly lookAgainMs?: number } = {}): Moves {
  const sessions = testSessions();
  const logged: string[] = [];
  let current = estateWith({});
  const log = (_: unknown, text: string): void => void logged.push(text);
  const closer = createSessionCloser({
    sessions: sessions.registry,
    snapshot: () => current,
    log: { debug: log, info: log, warn: log, error: log },
    ...options,
  });
  closers.push(closer);
  const change: Moves['change'] = (estate) => {
    current = 'topology' in estate ? estate : estateWith(estate);
    closer.closeDisplaced();
  };
  return { sessions, closer, logged, change };
}

const numbersOf = ({ registry }: TestSessions): number[] => [...registry.numbered()].map(([number]) => number);
const users = (sessions: TestSessions): (string | null)[] => sessions.registry.list().map(({ user }) => user);

describe('ending sessions', () => {
  test('at once, with words, those that are still there', async () => {
    const { sessions, closer } = moves();
    const removeAnn = sessions.open('ann', 'MBX1');
    sessions.open('bob', 'MBX1');
    const numbers = numbersOf(sessions);
    removeAnn();
    closer.close(numbers, 0, 'bye');
    expect(sessions.said).toStrictEqual(['bob bye']);
  });

  test('asks each of them once only', () => {
    const { sessions, closer } = moves();
    sessions.open('ann', 'MBX1', { isDeaf: true });
    closer.close(numbersOf(sessions), 0, 'bye');
    closer.close(numbersOf(sessions), 0, 'bye again');
    expect(sessions.said).toStrictEqual(['ann bye']);
  });

  test('evenly over a time', async () => {
    const { sessions, closer } = moves();
    for (let index = 0; index < 40; index++) sessions.open(`u${index}`, 'MBX1');
    const startMs = performance.now();
    closer.close(numbersOf(sessions), 400, 'bye');
    expect(sessions.said).toHaveLength(1);
    await until('the last session', () => sessions.said.length === 40);
    const offsets = sessions.drainedAtMs.map((atMs) => atMs - startMs);
    expect(sessions.said.map((line) => line.split(' ')[0])).toStrictEqual(
      Array.from({ length: 40 }, (_, i) => `u${i}`),
    );
    for (const [index, offsetMs] of offsets.entries()) expect(offsetMs).toBeGreaterThanOrEqual(index * 10 - 1);
  });

  test('sooner when asked again for sooner, and never when stopped', async () => {
    const { sessions, closer } = moves();
    for (const user of ['ann', 'bob', 'cyd']) sessions.open(user, 'MBX1');
    closer.close(numbersOf(sessions), 60_000, 'slowly');
    closer.close(numbersOf(sessions).slice(0, 1), 0, 'now');
    expect(sessions.said).toStrictEqual(['ann slowly', 'bob now']);
    closer.stop();
    closer.close(numbersOf(sessions), 0, 'too late');
    await sleep(20);
    expect(users(sessions)).toStrictEqual(['cyd']);
  });

  test('ten thousand over a time take little of it', async () => {
    const { sessions, closer } = moves();
    for (let index = 0; index < 10_000; index++) sessions.open(`u${index}`, 'MBX1');
    const before = process.cpuUsage();
    closer.close(numbersOf(sessions), 500, 'bye');
    await until('the last session', () => sessions.said.length === 10_000);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(2000);
  });

  test('few at once, many over a minute, unless a time is given', () => {
    expect([spreadOf(0), spreadOf(100), spreadOf(101), spreadOf(101, 5)]).toStrictEqual([0, 0, 60_000, 5]);
  });
});

describe('after a change', () => {
  test('the sessions of a mailbox that has moved are ended, no other', async () => {
    const moved = moves();
    for (const protocol of ['imap', 'pop', 'smtp', 'http'] as const) {
      moved.sessions.open('ann@contoso.com', 'MBX1', { protocol });
    }
    moved.sessions.open('bob@contoso.com', 'MBX1');
    moved.sessions.open(null, null);
    moved.change({ mailboxes: { 'ann@contoso.com': 'DB2' } });
    await until('the sessions', () => moved.sessions.said.length === 2);
    await sleep(20);
    expect(moved.sessions.said).toHaveLength(2);
    expect(moved.sessions.registry.countByProtocol()).toStrictEqual({ smtp: 1, http: 1, imap: 2 });
    expect(moved.logged).toStrictEqual(['sessions are at the wrong place and will be ended']);
  });

  test('the sessions of a database that is active elsewhere now are ended', async () => {
    const moved = moves();
    moved.sessions.open('ann@contoso.com', 'MBX1');
    moved.sessions.open('cyd@contoso.com', 'MBX3');
    moved.sessions.open('bob@contoso.com', 'MBX2');
    moved.change({ active: 'MBX2' });
    await until('the session of ann', () => moved.sessions.said.length > 0);
    expect(users(moved.sessions)).toStrictEqual(['cyd@contoso.com', 'bob@contoso.com']);
  });

  test('that has nothing to do with them no session is ended', async () => {
    const moved = moves();
    moved.sessions.open('ann@contoso.com', 'MBX1');
    moved.sessions.open('cyd@contoso.com', 'MBX3');
    moved.change({ mailboxes: { 'bob@contoso.com': 'DB2', 'new@contoso.com': 'DB1' } });
    moved.change({ components: { MBX2: [{ component: 'server-wide', state: 'inactive', requester: 'maintenance' }] } });
    await sleep(50);
    expect(moved.sessions.said).toStrictEqual([]);
  });

  test('many are ended over a time, and those whose mailbox has come back meanwhile stay', async () => {
    const moved = moves({ spreadMs: 300 });
    for (let index = 0; index < 150; index++) moved.sessions.open('ann@contoso.com', 'MBX1');
    moved.change({ active: 'MBX2' });
    await until('some of them', () => moved.sessions.said.length > 10);
    moved.change({});
    await sleep(400);
    const ended = moved.sessions.said.length;
    expect(ended).toBeLessThan(150);
    moved.change({ active: 'MBX2' });
    await until('all of them', () => moved.sessions.said.length === 150);
    expect(users(moved.sessions)).toStrictEqual([]);
  });

  test('a login that came to the old place a little later is ended too', async () => {
    const moved = moves({ lookAgainMs: 50 });
    moved.change({ active: 'MBX2' });
    await sleep(20);
    moved.sessions.open('ann@contoso.com', 'MBX1');
    await until('its end', () => moved.sessions.said.length > 0);
    expect(users(moved.sessions)).toStrictEqual([]);
  });

  test('a store that cannot be read ends no session and is told', async () => {
    const moved = moves();
    moved.sessions.open('ann@contoso.com', 'MBX1');
    const broken = estateWith({ active: 'MBX2' });
    const find = (): never => {
      throw new Error('disk I/O error');
    };
    moved.change({ ...broken, directory: { ...broken.directory, find } });
    await until('a line in the log', () => moved.logged.length > 0);
    expect(moved.sessions.said).toStrictEqual([]);
    expect(moved.logged).toStrictEqual(['sessions could not be compared with the estate']);
  });
});
