import { describe, expect, test } from 'vitest';
import { whyDisplaced } from '../../src/routing/displacement.js';
import { type EstateChange, estateWith } from '../runtime/session-estate.js';

const state = (component: string, of: string) => [{ component, state: of, requester: 'maintenance' }];

const annAtMbx1 = { protocol: 'imap', mailbox: 'ann@contoso.com', server: 'MBX1' } as const;

describe('a session of ann, whose mailbox was in DB1 on MBX1,', () => {
  const stays: readonly (readonly [string, EstateChange])[] = [
    ['nothing has changed', {}],
    ['other mailboxes move', { mailboxes: { 'bob@contoso.com': 'DB2' } }],
    ['another protocol is switched off for her', { protocols: { pop: false } }],
    ['another component of her server is inactive', { components: { MBX1: state('pop', 'inactive') } }],
    ['another server is inactive', { components: { MBX3: state('server-wide', 'inactive') } }],
    ['her server is draining', { components: { MBX1: state('server-wide', 'draining') } }],
    ['the front end is draining', { components: { FE1: state('imap-proxy', 'draining') } }],
    ['her database is not known yet', { mailboxes: { 'ann@contoso.com': 'DB9' } }],
  ];
  test.each(stays)('may stay when %s', (_, change) => {
    expect(whyDisplaced(estateWith(change), annAtMbx1)).toBeNull();
  });

  const leaves: readonly (readonly [string, EstateChange, RegExp])[] = [
    ['her mailbox moves', { mailboxes: { 'ann@contoso.com': 'DB2' } }, /in DB2, which is active on MBX3/],
    ['her database is activated elsewhere', { active: 'MBX2' }, /in DB1, which is active on MBX2/],
    ['imap of her server is inactive', { components: { MBX1: state('imap', 'inactive') } }, /imap of MBX1 is inactive/],
    ['her server is inactive', { components: { MBX1: state('server-wide', 'inactive') } }, /imap of MBX1 is inactive/],
    ['the door is inactive', { components: { FE1: state('imap-proxy', 'inactive') } }, /imap-proxy of FE1 is inactive/],
    ['imap is switched off for her', { protocols: { imap: false } }, /imap is switched off for ann@contoso.com/],
  ];
  test.each(leaves)('has to leave when %s', (_, change, why) => {
    expect(whyDisplaced(estateWith(change), annAtMbx1)).toMatch(why);
  });

  test('has to leave when there is no such mailbox any more', () => {
    const gone = { ...annAtMbx1, mailbox: 'eve@contoso.com' };
    expect(whyDisplaced(estateWith({}), gone)).toMatch(/no mailbox eve@contoso.com any more/);
  });

  test('is where it should be whatever the case of the names', () => {
    expect(whyDisplaced(estateWith({}), { ...annAtMbx1, mailbox: 'Ann@Contoso.com', server: 'mbx1' })).toBeNull();
  });
});
