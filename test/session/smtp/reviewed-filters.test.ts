import { beforeAll, describe, expect, test } from 'vitest';
import type { ProtocolAgent } from '../../../src/filtering/protocol-agent.js';
import { makeCertificate } from '../../net/make-certificate.js';
import { doorParts } from './door-parts.js';
import { askAll, codesOf, secure } from './smtp-client.js';

const parts = doorParts();
let certificate: { key: string; cert: string };

beforeAll(async () => {
  certificate = await makeCertificate(['front.contoso.com'], true);
});

test('a login that ends with STARTTLS leaves nobody past the filters, whenever they were changed', async () => {
  const mbx = await parts.server({
    capabilities: ['AUTH PLAIN'],
    answer: (line) => (line.startsWith('AUTH') ? '235 2.7.0 welcome' : undefined),
  });
  const door = await parts.doorTo([mbx], {
    certificate,
    connector: { auth: ['tls', 'basic'], permissionGroups: ['anonymous', 'users'] },
    submission: { tls: 'none' },
  });
  const plain = await parts.client(door);
  await plain.ask(`AUTH PLAIN ${Buffer.from('\0ann@contoso.com\0secret').toString('base64')}`);
  door.estate({ filters: [{ senders: { blockedDomains: ['fabrikam.com'] } }] });
  expect(codesOf(await askAll(plain, ['MAIL FROM:<ann@contoso.com>', 'RSET']))).toEqual(['250 2.1.0', '250 2.0.0']);
  const client = parts.keep(await secure(plain));
  expect(codesOf([await client.ask('MAIL FROM:<eve@fabrikam.com>')])).toEqual(['554 5.1.0']);
});

describe('an own agent that refuses a sender and wants the connection closed', () => {
  const asked: string[] = [];
  const agent: ProtocolAgent = {
    name: 'slow',
    priority: 1,
    async mail(_session, from) {
      asked.push(from);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { kind: 'block', why: 'no', reply: { code: 554, enhanced: '5.7.1', text: 'no' }, thenClose: true };
    },
  };

  test.each([
    ['<eve>', 'eve@contoso.com'],
    ['<eve@b\u00fccher.example> SMTPUTF8', 'eve@xn--bcher-kva.example'],
    ['<eve@fabrikam.com>', 'eve@fabrikam.com'],
  ])('is asked once and gets what it wants: %s', async (given, known) => {
    asked.length = 0;
    const door = await parts.doorTo([await parts.server()], {
      agents: [agent],
      estate: { organization: [{ defaultDomain: 'contoso.com' }] },
    });
    const client = await parts.client(door);
    client.write(`MAIL FROM:${given}\r\n`);
    expect(codesOf(await client.rest())).toEqual(['554 5.7.1']);
    expect(asked).toEqual([known]);
  });
});
