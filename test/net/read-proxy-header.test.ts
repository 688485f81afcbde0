import { expect, test } from 'vitest';
import { ProxyHeaderFailure, readProxyHeader } from '../../src/net/read-proxy-header.js';
import { connectedPair, readToEnd } from './loopback.js';

const header = 'PROXY TCP4 192.0.2.1 198.51.100.7 12345 25\r\n';

test('the bytes behind the header stay on the socket', async () => {
  const { near, far } = await connectedPair();
  near.end(`${header}EHLO x\r\n`);
  expect(await readProxyHeader(far, 1000)).toEqual({
    source: { address: '192.0.2.1', port: 12345 },
    destination: { address: '198.51.100.7', port: 25 },
  });
  expect(await readToEnd(far)).toBe('EHLO x\r\n');
  near.destroy();
});

test('a header that comes byte by byte is read, and what follows later too', async () => {
  const { near, far } = await connectedPair();
  const read = readProxyHeader(far, 5000);
  for (const letter of header) {
    near.write(letter);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await read).source?.port).toBe(12345);
  const rest = readToEnd(far);
  near.end('later');
  expect(await rest).toBe('later');
  near.destroy();
});

test.each([
  ['other bytes', 'EHLO x\r\n', 'malformed'],
  ['a header cut off by the end of the connection', 'PROXY TCP4 192', 'closed'],
] as const)('%s are refused', async (_name, sent, stage) => {
  const { near, far } = await connectedPair();
  near.end(sent);
  const failure = await readProxyHeader(far, 1000).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ProxyHeaderFailure);
  expect(failure).toMatchObject({ stage });
  expect(far.destroyed).toBe(true);
  near.destroy();
});

test('a drip of bytes does not put the deadline off', async () => {
  const { near, far } = await connectedPair();
  let sent = 0;
  const drip = setInterval(() => near.write(header.charAt(sent++)), 30);

  const begun = performance.now();
  await expect(readProxyHeader(far, 150)).rejects.toMatchObject({ stage: 'timeout' });
  clearInterval(drip);
  expect(performance.now() - begun).toBeLessThan(1000);
  near.destroy();
});
