import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTwoServers, type TwoServers } from '../../demo/servers/two-servers.js';
import { makeCertificate } from '../../net/make-certificate.js';
import { until } from '../../support/until.js';
import { directoryOf, snapshotOf } from './estate.js';
import { connectClient } from './mail-client.js';
import { openTestDoor, type TestDoor } from './open-test-door.js';

let servers: TwoServers;
const doors = new Map<'imap' | 'pop', TestDoor>();

beforeAll(async () => {
  servers = await startTwoServers();
  const certificate = await makeCertificate(['localhost']);
  for (const protocol of ['imap', 'pop'] as const) {
    const snapshot = snapshotOf({
      servers: [
        {
          name: 'MBX1',
          endpoints: {
            imap: { port: servers.mbx1.ports.imap, tls: 'none' },
            pop: { port: servers.mbx1.ports.pop, tls: 'none' },
          },
        },
      ],
      databases: { DB1: 'MBX1' },
      directory: directoryOf({ 'ann@contoso.com': 'DB1' }),
      listener: { protocol, plaintextLogin: true },
    });
    doors.set(protocol, await openTestDoor({ snapshot, certificate }));
  }
});

afterAll(async () => {
  for (const door of doors.values()) await door.close();
  await servers.stop();
});

function doorOf(protocol: 'imap' | 'pop'): TestDoor {
  const door = doors.get(protocol);
  if (!door) throw new Error('no door');
  return door;
}

const sessions = {
  imap: 'a CAPABILITY\r\nb LOGIN {15+}\r\nann@contoso.com "secret-1"\r\nc STATUS INBOX (MESSAGES)\r\nd LOGOUT\r\n',
  pop: 'CAPA\r\nUSER ann@contoso.com\r\nPASS secret-1\r\nSTAT\r\nQUIT\r\n',
} as const;

const pieces = (text: string, cuts: readonly number[]): string[] => {
  const places = [...new Set([0, ...cuts.map((cut) => cut % text.length), text.length])].sort((a, b) => a - b);
  return places.slice(1).map((end, index) => text.slice(places[index], end));
};

test.each(['imap', 'pop'] as const)('%s: however the client cuts its bytes, it reads the same', async (protocol) => {
  const answers = new Set<string>();
  const cuts = fc.array(fc.nat(200), { maxLength: 12 });
  const play = async (cuts: readonly number[]): Promise<void> => {
    const client = await connectClient(doorOf(protocol).port);
    for (const piece of pieces(sessions[protocol], cuts)) {
      client.send(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    answers.add(await client.closed());
  };
  await fc.assert(fc.asyncProperty(cuts, play), { numRuns: 25 });
  expect(answers.size).toBe(1);
  expect([...answers][0]).toContain('signed in on MBX1');
});

test.each(['imap', 'pop'] as const)(
  '%s: whatever a stranger sends, and however it goes, nothing is left',
  async (protocol) => {
    const door = doorOf(protocol);
    const login =
      protocol === 'imap' ? 'a LOGIN ann@contoso.com secret-1\r\n' : 'USER ann@contoso.com\r\nPASS secret-1\r\n';
    const word = fc.oneof(
      fc.constantFrom(
        login,
        'a STARTTLS\r\n',
        'STLS\r\n',
        'a AUTHENTICATE PLAIN\r\n',
        'AUTH PLAIN\r\n',
        'AGEAYg==\r\n',
        '{5}\r\n',
      ),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    );
    const going = fc.constantFrom('end', 'destroy', 'reset');
    const play = async (words: readonly string[], going: string): Promise<void> => {
      const client = await connectClient(door.port);
      for (const word of words) client.send(word);
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (going === 'end') client.socket.end();
      else if (going === 'reset') client.socket.resetAndDestroy();
      else client.socket.destroy();
    };
    await fc.assert(fc.asyncProperty(fc.array(word, { maxLength: 8 }), going, play), { numRuns: 60 });
    await until('every session to be gone', () => door.sessions.list().length === 0);
    expect(door.lines.filter(({ message }) => message === 'fault')).toEqual([]);
    expect(JSON.stringify(door.lines)).not.toContain('secret-1');
  },
);

test('two hundred clients at once', async () => {
  const door = doorOf('imap');
  const texts = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const client = await connectClient(door.port);
      client.send(`a LOGIN ${index % 4 === 0 ? 'nobody' : 'ann@contoso.com'} secret-1\r\nb LOGOUT\r\n`);
      return client.closed();
    }),
  );
  const signedIn = texts.filter((text) => /a OK.*signed in on MBX1(?:.*\r\n)+b OK/.test(text));
  const turnedAway = texts.filter((text) =>
    /a (?:NO \[UNAVAILABLE\]|NO \[AUTHENTICATIONFAILED\]).*\r\n\* BYE/.test(text),
  );
  expect(signedIn.length + turnedAway.length).toBe(200);
  expect(signedIn.length).toBeGreaterThanOrEqual(100);
  await until('every session to be gone', () => door.sessions.list().length === 0);
});
