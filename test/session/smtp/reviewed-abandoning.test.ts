import { expect, test } from 'vitest';
import { doorParts } from './door-parts.js';
import { askAll, codesOf } from './smtp-client.js';

const parts = doorParts();

test('a client that begins and gives up without end has one connection at a server that is slow to hear of it', async () => {
  const mbx = await parts.server({
    answer: (line) => (line === 'RSET' ? new Promise((resolve) => setTimeout(resolve, 20, undefined)) : undefined),
  });
  const door = await parts.doorTo([mbx]);
  const client = await parts.client(door);
  const count = 40;
  client.write('MAIL FROM:<>\r\nRCPT TO:<ann@contoso.com>\r\nRSET\r\n'.repeat(count));
  const replies: (string | null)[] = [];
  for (let heard = 0; heard < 3 * count; heard += 1) replies.push(await client.reply());
  expect(replies.every((reply) => reply?.startsWith('250'))).toBe(true);
  expect(mbx.connections()).toBe(1);
  const message = ['MAIL FROM:<>', 'RCPT TO:<ann@contoso.com>', 'DATA', 'Subject: x\r\n\r\nhello\r\n.'];
  expect(codesOf(await askAll(client, message))).toEqual(['250 2.1.0', '250 2.1.5', '354', '250 2.6.0']);
  expect([mbx.connections(), mbx.messages.length]).toEqual([1, 1]);
});
