import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ClientLink } from '../../../src/session/smtp/client-link.js';
import { connectedPair } from '../../net/loopback.js';
import { until } from '../../support/until.js';
import { doorParts } from './door-parts.js';

const parts = doorParts();

/** The two ends of a connection; nothing has been read at either. */
async function ends(): Promise<{ readonly ours: Socket; readonly client: Socket }> {
  const { near: client, far: ours } = await connectedPair();
  for (const socket of [ours, client]) parts.keep({ close: () => void socket.destroy() });
  return { ours, client };
}

describe('the socket of a client', () => {
  test('is let go when there is no certificate to show any more', async () => {
    const { ours } = await ends();
    const told: string[] = [];
    const link = new ClientLink(ours, {
      received: () => told.push('received'),
      ended: () => told.push('ended'),
      gone: () => told.push('gone'),
    });
    const withdrawn = (): never => {
      throw new Error('the certificate cannot be read');
    };
    await expect(link.startTls(withdrawn)).rejects.toThrow('the certificate cannot be read');
    expect([ours.destroyed, told]).toEqual([true, ['gone']]);
  });

  test('is not cut off before the last words by a client that ends its side', async () => {
    const { ours, client } = await ends();
    const link = new ClientLink(ours, { received: () => undefined, ended: () => undefined, gone: () => undefined });
    link.release();
    const words = Buffer.alloc(16 * 1024 * 1024, 'x');
    link.write(words);
    link.finish(Buffer.from('221 bye\r\n'));
    client.end();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const pieces: Buffer[] = [];
    client.on('data', (piece: Buffer) => pieces.push(piece));
    await once(client, 'end');
    const heard = Buffer.concat(pieces);
    expect([heard.length, heard.subarray(-9).toString()]).toEqual([words.length + 9, '221 bye\r\n']);
    await until('the connection is gone', () => ours.destroyed);
  });
});
