import { afterEach, expect, test } from 'vitest';
import type { EstateObject } from '../../../src/topology/catalogue/catalogue.js';
import { openTestDoor } from './door-under-test.js';
import { startScriptedServer } from './scripted-server.js';
import { connectClient } from './smtp-client.js';

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const part of opened.splice(0)) part.close();
});

/** The answers of the door to MAIL and to each RCPT of a stranger at 127.0.0.1. */
async function answers(filters: EstateObject, from: string, ...to: readonly string[]): Promise<string[]> {
  const mbx = await startScriptedServer();
  const door = await openTestDoor({
    ports: [mbx.port],
    estate: { filters: [filters] },
    nowMs: () => Date.parse('2026-06-01'),
  });
  const client = await connectClient(door.port);
  opened.push(mbx, door, client);
  await client.reply();
  await client.ask('EHLO client.example');
  const replies = [await client.ask(`MAIL FROM:<${from}>`)];
  for (const address of to) replies.push(await client.ask(`RCPT TO:<${address}>`));
  return replies.map((reply) => (reply ?? 'closed').slice(0, 9));
}

const ann = 'ann@contoso.com';
const bob = 'bob@contoso.com';
const loopback = { range: '127.0.0.0/8' };

const cases: ReadonlyArray<
  readonly [what: string, filters: EstateObject, from: string, to: string[], answers: string[]]
> = [
  ['no filters', {}, 'kim@fabrikam.com', [ann], ['250 2.1.0', '250 2.1.5']],
  [
    'a blocked address hears it at RCPT',
    { ipBlock: [loopback] },
    'kim@fabrikam.com',
    [ann, bob],
    ['250 2.1.0', '550 5.7.1', '550 5.7.1'],
  ],
  [
    'an entry that has expired is none',
    { ipBlock: [{ ...loopback, expires: '2026-05-31T00:00:00Z' }] },
    'kim@fabrikam.com',
    [ann],
    ['250 2.1.0', '250 2.1.5'],
  ],
  [
    'a bypassed recipient gets mail from a blocked address',
    { ipBlock: [loopback], bypassedRecipients: [bob] },
    'kim@fabrikam.com',
    [ann, bob],
    ['250 2.1.0', '550 5.7.1', '250 2.1.5'],
  ],
  ['a blocked sender', { senders: { blocked: ['kim@fabrikam.com'] } }, 'kim@fabrikam.com', [], ['554 5.1.0']],
  [
    'an allowed address passes the sender and recipient filters',
    { ipAllow: [loopback], senders: { blocked: ['kim@fabrikam.com'] }, recipients: { blocked: [ann] } },
    'kim@fabrikam.com',
    [ann],
    ['250 2.1.0', '250 2.1.5'],
  ],
  [
    'a blocked recipient is blocked under its plus-addresses too',
    { recipients: { blocked: [ann] } },
    'kim@fabrikam.com',
    ['ann+news@contoso.com', bob],
    ['250 2.1.0', '550 5.1.1', '250 2.1.5'],
  ],
  [
    'a blocked and an unknown recipient are told the same',
    { recipients: { blocked: [ann], validate: true } },
    'kim@fabrikam.com',
    [ann, 'nobody@contoso.com', bob],
    ['250 2.1.0', '550 5.1.1', '550 5.1.1', '250 2.1.5'],
  ],
];

test.each(cases)('%s', async (_what, filters, from, to, expected) => {
  expect(await answers(filters, from, ...to)).toEqual(expected);
});
