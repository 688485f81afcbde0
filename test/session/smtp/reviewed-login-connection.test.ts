import { describe, expect, test } from 'vitest';
import { doorParts } from './door-parts.js';
import type { Script } from './scripted-server.js';
import { askAll, codesOf } from './smtp-client.js';

const parts = doorParts();
const plain = Buffer.from('\0ann@contoso.com\0secret').toString('base64');
const envelope = ['MAIL FROM:<ann@contoso.com>', 'RCPT TO:<x@elsewhere.example>'];
const connector = { auth: ['basic'], permissionGroups: ['users'] };

async function loggedOn(script: Script) {
  const mbx = await parts.server({ capabilities: ['PIPELINING', 'AUTH PLAIN'], ...script });
  const door = await parts.doorTo([mbx], { connector, submission: { tls: 'none' } });
  const client = await parts.client(door);
  expect(await client.ask(`AUTH PLAIN ${plain}`)).toMatch(/^235 /);
  return { mbx, door, client };
}

const authIs = (line: string): string | undefined => (line.startsWith('AUTH') ? '235 2.7.0 welcome' : undefined);

describe('the connection a user is logged on by', () => {
  test.each(['drop', '421 4.3.2 going down', '500 5.5.1 what'])(
    'that the server ends at RSET (%s) while the next message begins: the user is told to connect again',
    async (word) => {
      const { client } = await loggedOn({
        answer: (line) => (line === 'RSET' ? new Promise((resolve) => setTimeout(resolve, 100, word)) : authIs(line)),
      });
      await askAll(client, envelope);
      client.write(`RSET\r\n${envelope.join('\r\n')}\r\nDATA\r\n`);
      const replies = codesOf(await client.rest());
      expect(replies.slice(0, 2)).toEqual(['250 2.0.0', '250 2.1.0']);
      expect(replies.at(-1)).toBe('421 4.3.2');
    },
  );
});
