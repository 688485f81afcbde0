import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { whileHeld } from '../../src/admin/hold-mailboxes.js';
import { closeSessions, listSessions } from '../../src/admin/sessions.js';
import type { SessionSelection } from '../../src/control/messages.js';
import {
  answerSessionRequest,
  createIdPrefix,
  type SessionParts,
  type SessionRequest,
} from '../../src/runtime/answer-session-request.js';
import { createSessionCloser } from '../../src/runtime/close-sessions.js';
import { openControlSocket } from '../../src/runtime/control-server.js';
import { createMailboxHolds, type MailboxHolds } from '../../src/runtime/mailbox-holds.js';
import { estateWith, type TestSessions, testSessions } from '../runtime/session-estate.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const all: SessionSelection = { ids: null, user: null, server: null, protocol: null, clientIp: null };
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** The part of a runtime that knows sessions, at a control socket of its own. */
interface FrontDesk {
  readonly socket: string;
  readonly sessions: TestSessions;
  readonly holds: MailboxHolds;
  readonly asked: SessionRequest[];
}

async function frontDesk(idPrefix: string): Promise<FrontDesk> {
  const sessions = testSessions();
  const holds = createMailboxHolds(() => performance.now());
  const estate = estateWith({});
  const snapshot = () => estate;
  const closer = createSessionCloser({ sessions: sessions.registry, snapshot, log: silent });
  const parts: SessionParts = { sessions: sessions.registry, closer, holds, snapshot, idPrefix };
  const socket = join(tempDir('desk'), 'control.sock');
  const asked: SessionRequest[] = [];
  const control = await openControlSocket(socket, async (request) => {
    asked.push(request as SessionRequest);
    return answerSessionRequest(parts, request as SessionRequest);
  });
  ends.push(() => {
    closer.stop();
    control.close();
  });
  return { socket, sessions, holds, asked };
}

describe('sessions list', () => {
  test('tells of every session of every runtime, oldest first', async () => {
    const [one, two] = [await frontDesk('aaa'), await frontDesk('bbb')];
    one.sessions.open('ann@contoso.com', 'MBX1', { startedAtMs: Date.UTC(2026, 0, 2) });
    two.sessions.open(null, null, {
      protocol: 'smtp',
      clientAddress: '2001:db8::1',
      startedAtMs: Date.UTC(2026, 0, 1),
    });
    expect(await listSessions([one.socket, two.socket], all)).toStrictEqual([
      {
        id: 'bbb1',
        protocol: 'smtp',
        client: '2001:db8::1',
        user: null,
        server: null,
        since: '2026-01-01T00:00:00.000Z',
        frontEnd: 'FE1',
      },
      {
        id: 'aaa1',
        protocol: 'imap',
        client: '10.0.0.1',
        user: 'ann@contoso.com',
        server: 'MBX1',
        since: '2026-01-02T00:00:00.000Z',
        frontEnd: 'FE1',
      },
    ]);
  });

  test.each<readonly [string, Partial<SessionSelection>, readonly string[]]>([
    ['a user', { user: 'ANN@contoso.com' }, ['1', '2', '3']],
    ['a user by an alias', { user: 'a@contoso.com' }, ['1', '2', '3']],
    ['a user without domain', { user: 'ann' }, ['1', '2', '3']],
    ['a login name that is no mailbox', { user: 'scanner' }, ['5']],
    ['a server', { server: 'mbx1' }, ['1', '4']],
    ['a protocol', { protocol: 'smtp' }, ['3', '5']],
    ['a client', { clientIp: '10.0.0.7' }, ['4']],
    ['a range of clients', { clientIp: '10.0.0.0/30' }, ['1', '2', '3', '5']],
    ['all that is given', { user: 'ann', protocol: 'pop' }, ['2']],
    ['ids', { ids: ['AAA2', 'aaa5', 'zzz1'] }, ['2', '5']],
    ['nobody', { server: 'MBX9' }, []],
  ])('by %s', async (_, given, expected) => {
    const { socket, sessions } = await frontDesk('aaa');
    sessions.open('ann@contoso.com', 'MBX1');
    sessions.open('ann@contoso.com', 'MBX2', { protocol: 'pop' });
    sessions.open('CONTOSO\\ann', null, { protocol: 'smtp' });
    sessions.open('bob@contoso.com', 'MBX1', { clientAddress: '10.0.0.7' });
    sessions.open('scanner', null, { protocol: 'smtp' });
    const found = await listSessions([socket], { ...all, ...given });
    expect(found.map(({ id }) => id)).toStrictEqual(expected.map((number) => `aaa${number}`));
  });

  test('of ten thousand with names as long as they can be', async () => {
    const { socket, sessions, asked } = await frontDesk('aaa');
    const user = '\u0001'.repeat(5000);
    for (let index = 0; index < 10_000; index++) sessions.open(user, 'M'.repeat(200));
    const found = await listSessions([socket], all);
    expect(new Set(found.map(({ id }) => id)).size).toBe(10_000);
    expect(found[0]?.user).toHaveLength(320);
    expect(asked.length).toBe(40);
  });

  test('is an error where no runtime runs, or the range is none', async () => {
    await expect(listSessions([join(tempDir('desk'), 'none.sock')], all)).rejects.toMatchObject({ exitCode: 6 });
    await expect(listSessions([], { ...all, clientIp: '10.0.0' })).rejects.toMatchObject({ exitCode: 2 });
  });
});

describe('sessions close', () => {
  test('ends those that fit at every runtime, and says how many', async () => {
    const [one, two] = [await frontDesk('aaa'), await frontDesk('bbb')];
    one.sessions.open('ann@contoso.com', 'MBX1');
    one.sessions.open('bob@contoso.com', 'MBX2');
    two.sessions.open('ann@contoso.com', 'MBX1');
    const closing = await closeSessions([one.socket, two.socket], { ...all, server: 'MBX1' }, null);
    expect(closing).toStrictEqual({ closing: 2, overMs: 0, unknown: [] });
    expect([...one.sessions.said, ...two.sessions.said]).toStrictEqual([
      'ann@contoso.com The session was ended by the administrator',
      'ann@contoso.com The session was ended by the administrator',
    ]);
  });

  test('spreads many over a minute unless told otherwise', async () => {
    const { socket, sessions } = await frontDesk('aaa');
    for (let index = 0; index < 200; index++) sessions.open('ann@contoso.com', 'MBX1');
    expect(await closeSessions([socket], all, null)).toMatchObject({ closing: 200, overMs: 60_000 });
    expect(sessions.said).toHaveLength(1);
    expect(await closeSessions([socket], all, 200)).toMatchObject({ closing: 199, overMs: 200 });
    await until('all of them', () => sessions.said.length === 200);
  });

  test('names ids that nobody has; none at all is an error', async () => {
    const [one, two] = [await frontDesk('aaa'), await frontDesk('bbb')];
    two.sessions.open('ann@contoso.com', 'MBX1');
    const sockets = [one.socket, two.socket];
    await expect(closeSessions(sockets, { ...all, ids: ['aaa1', '../x'] }, null)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('no session aaa1, ../x'),
    });
    const closing = await closeSessions(sockets, { ...all, ids: ['bbb1', 'aaa1'] }, 0);
    expect(closing).toStrictEqual({ closing: 1, overMs: 0, unknown: ['aaa1'] });
  });
});

describe('a change while mailboxes are held', () => {
  const plan = (desks: readonly FrontDesk[], holdMs = 2000, signal = new AbortController().signal) => ({
    sockets: desks.map(({ socket }) => socket),
    mailboxes: ['ann@contoso.com'],
    holdMs,
    signal,
  });

  test('is made when their sessions have ended, and the hold is over then', async () => {
    const desks = [await frontDesk('aaa'), await frontDesk('bbb')];
    for (const { sessions } of desks) {
      sessions.open('ann@contoso.com', 'MBX1');
      sessions.open('CONTOSO\\ann', null, { protocol: 'smtp' });
      sessions.open('ann@contoso.com', 'MBX1', { protocol: 'http' });
      sessions.open('bob@contoso.com', 'MBX1');
    }
    const during = await whileHeld(plan(desks), async () =>
      desks.map(({ holds, sessions }) => [holds.isHeld('ann@contoso.com'), sessions.registry.countByProtocol()]),
    );
    expect(during).toStrictEqual({
      result: [
        [true, { http: 1, imap: 1 }],
        [true, { http: 1, imap: 1 }],
      ],
      cutOff: 0,
    });
    expect(desks.map(({ holds }) => holds.isHeld('ann@contoso.com'))).toStrictEqual([false, false]);
  });

  test('cuts off what does not end in time', async () => {
    const desk = await frontDesk('aaa');
    desk.sessions.open('ann@contoso.com', 'MBX1', { isDeaf: true });
    const startMs = performance.now();
    const { cutOff } = await whileHeld(plan([desk], 400), async () => undefined);
    expect(cutOff).toBe(1);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(400);
    expect(desk.sessions.said).toStrictEqual([
      'ann@contoso.com The mailbox is being moved, please reconnect later',
      'ann@contoso.com cut',
    ]);
  });

  test('that fails, or is given up, lets logins in again', async () => {
    const desk = await frontDesk('aaa');
    const refused = whileHeld(plan([desk]), () => Promise.reject(new Error('another revision came between')));
    await expect(refused).rejects.toThrow('another revision came between');
    expect(desk.holds.isHeld('ann@contoso.com')).toBe(false);
    desk.sessions.open('ann@contoso.com', 'MBX1', { isDeaf: true });
    const controller = new AbortController();
    let changes = 0;
    const givenUp = whileHeld(plan([desk], 60_000, controller.signal), async () => (changes += 1));
    await until('the hold', () => desk.holds.isHeld('ann@contoso.com'));
    controller.abort();
    await expect(givenUp).rejects.toMatchObject({ code: 'cancelled', exitCode: 1 });
    expect([changes, desk.holds.isHeld('ann@contoso.com')]).toStrictEqual([0, false]);
  });

  test('is not made when one of the runtimes cannot hold', async () => {
    const [good, bad] = [await frontDesk('aaa'), await frontDesk('bbb')];
    for (let index = 0; index < 100; index++) bad.holds.hold(`other ${index}`, [], 60_000);
    let changes = 0;
    await expect(whileHeld(plan([good, bad]), async () => (changes += 1))).rejects.toThrow(/more than 100 moves/);
    expect([changes, good.holds.isHeld('ann@contoso.com')]).toStrictEqual([0, false]);
  });

  test('needs no runtime', async () => {
    const nowhere = { ...plan([]), sockets: [join(tempDir('desk'), 'none.sock')] };
    expect(await whileHeld(nowhere, async () => 'moved')).toStrictEqual({ result: 'moved', cutOff: 0 });
  });

  test('holds many mailboxes, in requests that fit', async () => {
    const desk = await frontDesk('aaa');
    const mailboxes = Array.from({ length: 2500 }, (_, index) => `${'u'.repeat(60)}${index}@contoso.com`);
    await whileHeld({ ...plan([desk]), mailboxes }, async () => {
      expect(mailboxes.every((mailbox) => desk.holds.isHeld(mailbox))).toBe(true);
    });
    expect(desk.asked.filter(({ ask }) => ask === 'hold')).toHaveLength(3);
  });
});

test('the ids of two runs do not begin alike', () => {
  const prefixes = Array.from({ length: 20 }, createIdPrefix);
  for (const prefix of prefixes) expect(prefix).toMatch(/^[0-9a-z]{3}$/);
  expect(new Set(prefixes).size).toBeGreaterThan(15);
});
