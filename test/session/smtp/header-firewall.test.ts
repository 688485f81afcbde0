import { describe, expect, test } from 'vitest';
import { doorParts } from './door-parts.js';
import type { DoorSetting } from './door-under-test.js';
import { codesOf, sendMessage } from './smtp-client.js';

const parts = doorParts();

/** What the server got of a message, below our own fields; null when it got none. */
async function through(message: string, setting: DoorSetting = {}): Promise<{ reply: string; data: string | null }> {
  const mbx = await parts.server();
  const door = await parts.doorTo([mbx], setting);
  const reply = codesOf([await sendMessage(door.port, Buffer.from(message, 'latin1'))])[0] ?? '';
  const data = mbx.messages[0]?.data.replace(/^Received: [^]*?\r\nX-Usher-Transaction: [0-9a-f]{32}\r\n/, '') ?? null;
  return { reply, data };
}

const plain = 'Received: from a by b; x\r\nResent-From: x@y.example\r\nX-Mailer: y\r\nSubject: x\r\n';
const organization = [
  'X-MS-Exchange-Organization-SCL: -1\r\n',
  'x-ms-exchange-organization-authas: Internal\r\n',
  'X-MS-Exchange-Forest-RulesExecuted: x,\r\n\ty\r\n',
  'X-MS-Exchange-Organization-SCL : -1\r\n',
  'X-Usher-Filter: none\r\n',
  'X-Usher-Transaction: 0123456789abcdef0123456789abcdef\r\n',
];

describe('fields of the organization', () => {
  test.each(organization)('of a stranger: %j is removed, and nothing else', async (field) => {
    const { reply, data } = await through(`${field}${plain}${field}\r\n${field}body`);
    expect([reply, data]).toEqual(['250 2.6.0', `${plain}\r\n${field}body\r\n`]);
  });

  test('that are the whole header go, and an empty line stays', async () => {
    expect(await through(`${organization.join('')}\r\nbody`)).toEqual({ reply: '250 2.6.0', data: '\r\nbody\r\n' });
    expect(await through(organization.join('').slice(0, -2))).toMatchObject({ reply: '250 2.6.0', data: '' });
  });

  test('of one of our own servers stay', async () => {
    const message = `${organization.join('')}${plain}\r\nbody`;
    const { reply, data } = await through(message, { connector: { permissionGroups: ['servers', 'anonymous'] } });
    expect([reply, data]).toEqual(['250 2.6.0', `${message}\r\n`]);
  });

  test('of somebody who is only trusted by address do not', async () => {
    const connector = { auth: ['external-authoritative'], permissionGroups: ['servers'] };
    const { data } = await through(`${organization.join('')}${plain}\r\nbody`, { connector });
    expect(data).toBe(`${plain}\r\nbody\r\n`);
  });

  test.each([
    ['a bare LF', 'Subject: x\nX-MS-Exchange-Organization-SCL: -1\r\n'],
    ['a bare CR', 'Subject: x\rX-MS-Exchange-Organization-SCL: -1\r\n'],
    ['a bare LF that folds', 'Subject: x\r\n y\nX-MS-Exchange-Organization-SCL: -1\r\n'],
  ])('hidden behind %s: the message is refused', async (_what, field) => {
    expect(await through(`${field}\r\nbody`)).toEqual({ reply: '550 5.6.11', data: null });
  });

  test.each([
    ['another script', 'X-MS-Exch\xe4nge-Organization-SCL: -1\r\n'],
    ['a control character', 'X-MS-Exchange\x01-Organization-SCL: -1\r\n'],
  ])('with %s in their name are removed, however a server reads it', async (_what, field) => {
    expect((await through(`${field}${plain}\r\nbody`)).data).toBe(`${plain}\r\nbody\r\n`);
  });
});

describe('a body that begins without an empty line', () => {
  test.each([
    ['a line that is no field', `${plain}this is no field\r\nX-MS-Exchange-Organization-SCL: -1\r\n\r\nbody`],
    ['a line that begins with a blank', ` x\r\n${organization[0]}${plain}\r\nbody`],
    ['a colon', `: x\r\n${organization[0]}\r\nbody`],
    ['a From line of a mailbox file', `From eve@fabrikam.com Fri Jan  2\r\n${organization[0]}${plain}\r\nbody`],
  ])('with %s is set apart, so that no field in it counts', async (_what, message) => {
    const { reply, data } = await through(message);
    const at = message.indexOf(plain) === 0 ? plain.length : 0;
    expect([reply, data]).toEqual(['250 2.6.0', `${message.slice(0, at)}\r\n${message.slice(at)}\r\n`]);
  });

  test.each(['', '\r\n', '.'.repeat(2)])('and is nearly nothing (%j) arrives', async (message) => {
    expect((await through(message)).reply).toBe('250 2.6.0');
  });
});
