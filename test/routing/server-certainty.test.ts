import { describe, expect, test } from 'vitest';
import { addRecipient, type Envelope, emptyEnvelope } from '../../src/routing/mail-recipients.js';
import type { MailSession } from '../../src/routing/mail-session.js';
import { isMovable, isServerCertain } from '../../src/routing/server-certainty.js';
import type { EstateParts } from './build-estate.js';
import { contoso, contosoWith } from './contoso.js';

const ownServer = '10.0.1.1';
const stranger = '203.0.113.9';

function sessionOf(parts: EstateParts, given: Partial<MailSession>): MailSession {
  const { topology, directory } = contosoWith({
    sendConnectors: [{ name: 'Internet', sources: ['MBX1'] }],
    ...parts,
  });
  const [connector] = topology.receiveConnectors;
  const frontEnd = topology.server('CAS1');
  if (!connector || !frontEnd) throw new Error('the estate lacks its door');
  return { topology, directory, frontEnd, connector, clientAddress: stranger, user: null, screening: null, ...given };
}

const envelopeOf = (session: MailSession, to: readonly string[]): Envelope =>
  to.reduce<Envelope>((held, address) => addRecipient(session, held, address), emptyEnvelope);

const oneGroup: EstateParts = {
  databases: [
    { name: 'DB1', copies: ['MBX1'] },
    { name: 'DB2', copies: ['MBX2'] },
  ],
};
const owning: EstateParts = { servers: contoso.servers.map((server) => ({ ...server, accepts: 'own' as const })) };
const twenty = Array.from({ length: 20 }, () => 'kim@contoso.com');

describe('when the server is certain, and whether the transaction could still go elsewhere', () => {
  test.each<[string, EstateParts, Partial<MailSession>, readonly string[], certain: boolean, movable: boolean]>([
    ['nobody yet', oneGroup, {}, [], false, false],
    ['one of several groups', {}, {}, ['kim@contoso.com'], false, true],
    ['one of the only group', oneGroup, {}, ['ann@contoso.com'], true, false],
    ['a list', oneGroup, {}, ['all@contoso.com'], false, false],
    ['twenty of several groups', {}, {}, twenty, true, true],
    ['on a server of its own', owning, {}, ['ann@contoso.com'], true, true],
    ['a user', {}, { user: 'ann@contoso.com' }, ['x@elsewhere.test'], true, false],
    ['a server, out of the estate', {}, { clientAddress: ownServer }, ['x@elsewhere.test'], true, true],
    ['the same where there is one group', oneGroup, { clientAddress: ownServer }, ['x@elsewhere.test'], true, true],
    [
      'a server, one of the only group: the next one may lead out',
      oneGroup,
      { clientAddress: ownServer },
      ['ann@contoso.com'],
      true,
      true,
    ],
  ])('%s', (_what, parts, given, to, certain, movable) => {
    const session = sessionOf(parts, given);
    const envelope = envelopeOf(session, to);
    expect([isServerCertain(session, envelope), isMovable(session, envelope)]).toEqual([certain, movable]);
  });
});
