import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { doorParts } from './door-parts.js';
import { begin } from './smtp-client.js';

const parts = doorParts();

/** Memory in use that cannot be given back. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('a message that comes byte by byte takes little more room than one that comes at once', async () => {
  const mbx = await parts.server();
  const door = await parts.doorTo([mbx], { connector: { maxConnectionsPercentPerSource: 100 } });
  const clients = await Promise.all(Array.from({ length: 10 }, () => parts.bareClient(door)));
  const head = 'Subject: x\r\n\r\n';
  for (const client of clients) {
    await begin(client);
    expect(await client.ask(`BDAT ${head.length}\r\n${head.slice(0, -2)}`)).toMatch(/^250 /);
  }
  const octets = 15_000;
  const before = usedBytes();
  for (const client of clients) {
    for (let sent = 0; sent < octets; sent += 500) {
      client.write('BDAT 1\r\nx'.repeat(500));
      for (let heard = 0; heard < 500; heard += 1) await client.reply();
    }
  }
  expect((usedBytes() - before) / clients.length).toBeLessThan(10 * octets);
  for (const client of clients) expect(await client.ask('BDAT 0 LAST')).toMatch(/^250 2\.6\.0 /);
  expect(mbx.messages.map(({ data }) => data.endsWith(`\r\n\r\n${'x'.repeat(octets)}\r\n`))).toEqual(
    clients.map(() => true),
  );
}, 20_000);
