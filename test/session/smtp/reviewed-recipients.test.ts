import { describe, expect, test } from 'vitest';
import { until } from '../../support/until.js';
import { doorParts } from './door-parts.js';
import { askAll, codesOf } from './smtp-client.js';

const parts = doorParts();
const from = 'MAIL FROM:<eve@fabrikam.com>';
const to = (name: string): string => `RCPT TO:<${name}@contoso.com>`;
const message = 'Subject: x\r\n\r\nhello\r\n.';

/** A server that knows everybody but nobody. */
const strict = {
  answer: (line: string) => (line.startsWith('RCPT TO:<nobody@') ? '550 5.1.1 no such user' : undefined),
};

describe('a recipient that was accepted before its server was asked', () => {
  test('and is refused by it when the next one is asked about: DATA is refused, and nobody gets the message', async () => {
    const mbx = await parts.server(strict);
    const door = await parts.doorTo([mbx]);
    const client = await parts.client(door);
    // An address of ours that the directory does not know makes no server certain; a mailbox does.
    const replies = await askAll(client, [from, to('nobody'), to('ann'), 'DATA']);
    expect(codesOf(replies)).toEqual(['250 2.1.0', '250 2.1.5', '250 2.1.5', '550 5.1.1']);
    expect(codesOf(await askAll(client, ['RSET', from, to('ann'), 'DATA', message]))).toEqual([
      '250 2.0.0',
      '250 2.1.0',
      '250 2.1.5',
      '354',
      '250 2.6.0',
    ]);
    expect(mbx.messages.map(({ to }) => to)).toEqual([['ann@contoso.com']]);
  });

  test('and is refused by the server that takes over from one that was lost', async () => {
    const [dying, next] = [await parts.server(), await parts.server(strict)];
    const door = await parts.doorTo([dying, next], {
      estate: {
        mailboxes: ['ann', 'bob', 'cid', 'nobody'].map((name) => ({
          address: `${name}@contoso.com`,
          database: 'DB1',
        })),
      },
    });
    const client = await parts.client(door);
    expect(codesOf(await askAll(client, [from, to('nobody')]))).toEqual(['250 2.1.0', '250 2.1.5']);
    for (const socket of dying.sockets) socket.destroy();
    await until('it is gone', () => dying.sockets.size === 0);
    expect(codesOf(await askAll(client, [to('ann'), to('bob'), 'DATA']))).toEqual([
      '250 2.1.5',
      '250 2.1.5',
      '550 5.1.1',
    ]);
    expect([dying.messages, next.messages]).toEqual([[], []]);
  });

  test('together with the last one: each hears it', async () => {
    const mbx = await parts.server({ answer: (line) => (line.startsWith('RCPT') ? '550 5.1.1 no' : undefined) });
    const door = await parts.doorTo([mbx]);
    const client = await parts.client(door);
    expect(codesOf(await askAll(client, [from, to('nobody'), to('ann'), 'DATA']))).toEqual([
      '250 2.1.0',
      '250 2.1.5',
      '550 5.1.1',
      '550 5.1.1',
    ]);
  });
});

describe('a tag on the name of a mailbox', () => {
  test.each(['ann+x%elsewhere.example', 'ann+elsewhere.example!x', 'ann+x%a%b'])(
    'does not hide another place to go to: %s',
    async (local) => {
      const mbx = await parts.server();
      const door = await parts.doorTo([mbx]);
      const client = await parts.client(door);
      expect(codesOf(await askAll(client, [from, `RCPT TO:<${local}@contoso.com>`, to('ann+lists')]))).toEqual([
        '250 2.1.0',
        '550 5.7.1',
        '250 2.1.5',
      ]);
      expect(mbx.commands.filter((line) => line.includes('elsewhere') || line.includes('%'))).toEqual([]);
    },
  );
});
