import { expect, test } from 'vitest';
import { makeCertificate } from '../../net/make-certificate.js';
import { doorParts } from './door-parts.js';
import { secure } from './smtp-client.js';

const parts = doorParts();
const plain = (user: string): string => Buffer.from(`\0${user}\0secret`).toString('base64');

test('logins of a mailbox that is being moved are told to come again, by whatever name, and no server is asked', async () => {
  const certificate = await makeCertificate(['front.contoso.com'], true);
  const server = await parts.server({
    capabilities: ['AUTH PLAIN'],
    answer: (line) => (line.startsWith('AUTH') ? '235 2.7.0 welcome' : undefined),
  });
  const door = await parts.doorTo([server], {
    certificate,
    held: ['ann@contoso.com'],
    submission: {},
    connector: { auth: ['tls', 'basic'], permissionGroups: ['users'] },
    estate: { organization: [{ defaultDomain: 'contoso.com' }] },
  });
  const client = parts.keep(await secure(await parts.client(door)));
  for (const user of ['ann@contoso.com', 'CONTOSO\\ann']) {
    expect(await client.ask(`AUTH PLAIN ${plain(user)}`)).toBe('454 4.7.0 Temporary authentication failure');
  }
  expect(server.connections()).toBe(0);
  expect(await client.ask(`AUTH PLAIN ${plain('bob@contoso.com')}`)).toMatch(/^235 /);
  expect(server.connections()).toBe(1);
});
