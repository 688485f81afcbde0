import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openServer } from '../../../src/session/smtp/open-server.js';
import type { ServerTransaction } from '../../../src/session/smtp/server-transaction.js';
import { doorParts, timed } from '../smtp/door-parts.js';
import type { Script, ScriptedServer } from '../smtp/scripted-server.js';
import { candidate, deadlines, request } from '../smtp/server-request.js';

const parts = doorParts();

const short = { ...deadlines, replyTimeoutMs: 300, finalReplyTimeoutMs: 300 };

/** A line of a reply every 50 ms that is never the last one, in place of the answer to this line. */
function dribbling(at: string, host: () => ScriptedServer): Script {
  const sockets: Socket[] = [];
  return {
    async answer(line) {
      if (line === '') sockets.push(...host().sockets);
      if (!line.startsWith(at)) return undefined;
      for (let count = 0; count < 160; count += 1) {
        for (const socket of sockets) if (!socket.destroyed) socket.write('250-wait\r\n');
        await sleep(50);
      }
      return '250 done';
    },
  };
}

async function openedAt(at: string): Promise<ServerTransaction> {
  const host: ScriptedServer = await parts.server(dribbling(at, () => host));
  const { port } = host;
  const until = 'recipients';
  const taken = await openServer([candidate(port)], request({ until, deadlines: short }));
  if (taken.kind !== 'taken') throw new Error('refused');
  return taken.transaction;
}

test('the word on a message has its time as a whole, however many lines it comes in', async () => {
  const transaction = await openedAt('.');
  expect(await transaction.startData()).toBeNull();
  const { value, tookMs } = await timed(transaction.finish(Buffer.from('\r\nx\r\n.\r\n')));
  expect(value).toMatchObject({ kind: 'lost' });
  expect(tookMs).toBeLessThan(1000);
});

test('so has the answer to RSET, for which the next message of the session waits', { timeout: 15_000 }, async () => {
  const transaction = await openedAt('RSET');
  transaction.abandon();
  const { tookMs } = await timed(transaction.settled());
  expect(tookMs).toBeLessThan(6000);
});
