import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { until } from '../../support/until.js';
import { doorParts } from './door-parts.js';
import { connectClient, greet, type SmtpClient } from './smtp-client.js';

const parts = doorParts();
const plain = Buffer.from('\0ann@contoso.com\0secret').toString('base64');
const names = ['ann', 'bob', 'cid', 'nobody', 'anybody'];

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pick = <T>(next: () => number, from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;

/** A server that is in a bad mood now and then: refuses for now or for good, is slow, says goodbye, hangs up. */
function moody(next: () => number, mood: number) {
  return async (line: string): Promise<string | undefined> => {
    if (line.startsWith('AUTH')) return next() < mood ? 'drop' : '235 2.7.0 welcome';
    if (next() < 0.3) await new Promise((resolve) => setTimeout(resolve, next() * 4));
    if (next() >= mood) return undefined;
    if (/^(?:EHLO|QUIT|$)/.test(line)) return next() < 0.5 ? 'drop' : undefined;
    return pick(next, ['451 4.3.0 later', '550 5.0.0 never', '421 4.3.2 bye', 'drop']);
  };
}

interface Sent {
  readonly id: string;
  /** Recipients that were told 250, when the message was told 250. */
  readonly to: readonly string[] | null;
}

/** One message or an attempt at it; the lines up to DATA one by one or at once. */
async function attempt(client: SmtpClient, id: string, next: () => number): Promise<Sent> {
  const to = [...new Set(Array.from({ length: 1 + Math.floor(next() * 4) }, () => pick(next, names)))];
  const rcpts = to.map((name) => `RCPT TO:<${name}@contoso.com>`);
  const lines = ['RSET', 'MAIL FROM:<ann@contoso.com>', ...rcpts, ...(next() < 0.8 ? ['DATA'] : [])];
  const replies: (string | null)[] = [];
  if (next() < 0.5) {
    client.write(lines.map((line) => `${line}\r\n`).join(''));
    while (replies.length < lines.length) replies.push(await client.reply());
  } else for (const line of lines) replies.push(await client.ask(line));
  if (lines.at(-1) !== 'DATA' || !replies.at(-1)?.startsWith('354')) return { id, to: null };
  const accepted = to.filter((_name, at) => replies[at + 2]?.startsWith('250')).map((name) => `${name}@contoso.com`);
  client.write(`Subject: ${id}\r\n\r\n`);
  if (next() < 0.1) {
    client.close();
    return { id, to: null };
  }
  if (next() < 0.3) await new Promise((resolve) => setTimeout(resolve, next() * 5));
  const long = next() < 0.3 ? 'some words\r\n'.repeat(Math.floor(next() * 30_000)) : '';
  const verdict = await client.ask(`${long}.`);
  return { id, to: verdict?.startsWith('250') ? accepted : null };
}

test('whatever the servers do, who hears 250 is told of exactly one message, to those who were accepted', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.constantFrom(0, 0.03, 0.1),
      fc.boolean(),
      fc.constantFrom('stranger', 'user'),
      async (seed, mood, isPipelined, who) => {
        const next = chance(seed);
        const capabilities = ['8BITMIME', 'AUTH PLAIN', ...(isPipelined ? ['PIPELINING'] : [])];
        const servers = [
          await parts.server({ answer: moody(chance(seed + 1), mood), capabilities }),
          await parts.server({ answer: moody(chance(seed + 2), mood), capabilities }),
        ];
        const door = await parts.doorTo(servers, {
          submission: { tls: 'none' },
          connector: {
            auth: ['basic'],
            permissionGroups: ['anonymous', 'users'],
            maxLogonFailures: 0,
            maxProtocolErrors: 1000,
            maxConnectionsPercentPerSource: 100,
          },
        });
        const sent: Sent[] = [];
        await Promise.all(
          Array.from({ length: 6 }, async (_, at) => {
            let client: SmtpClient | null = null;
            for (let count = 0; count < 6; count += 1) {
              if (client === null || client.socket.destroyed || client.socket.readableEnded) {
                client = parts.keep(await connectClient(door.port));
                await greet(client);
                if (who === 'user') await client.ask(`AUTH PLAIN ${plain}`);
              }
              sent.push(await attempt(client, `${at}-${count}`, next));
            }
            client?.close();
          }),
        );
        await until('nobody is left', () => door.open() === 0 && door.sessions.list().length === 0);
        const taken = servers.flatMap(({ messages }) => messages);
        for (const { id, to } of sent) {
          const copies = taken.filter(({ data }) => data.includes(`\r\nSubject: ${id}\r\n`));
          if (to === null) expect(copies).toEqual([]);
          else expect(copies.map((copy) => [...copy.to].sort())).toEqual([[...to].sort()]);
        }
        for (const { data } of taken) expect(data.match(/^Received: /gm)).toHaveLength(1);
        door.close();
        for (const server of servers) server.close();
      },
    ),
    { numRuns: 25, endOnFailure: true },
  );
}, 60_000);
