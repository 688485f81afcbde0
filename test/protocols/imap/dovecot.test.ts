import { afterAll, beforeAll, expect, it } from 'vitest';
import { imapProtocol } from '../../../src/protocols/imap/imap-protocol.js';
import { type Dovecot, startDovecot } from '../../support/peers/dovecot.js';
import { describePeer } from '../../support/require-peer.js';
import { until } from '../../support/until.js';
import { distantClient, logInAt } from '../sasl/log-in-at.js';

const client = distantClient;

describePeer('dovecot', 'a login at Dovecot', () => {
  let dovecot: Dovecot;
  const password = ' pass "wörd": \\1 ';

  beforeAll(async () => {
    dovecot = await startDovecot({ name: 'mbx', users: [{ user: 'ann', password }], tls: 'available' });
  });
  afterAll(() => dovecot.stop());

  it.each(['PLAIN', 'LOGIN', null])('by %s, with the IPv6 address of the client told by ID', async (auth) => {
    const credentials = { kind: 'password', user: 'ann', authorizationId: '', password } as const;
    const countBefore = dovecot.logins().length;
    const step = await logInAt(imapProtocol, dovecot.imapPort, { credentials, auth, tls: 'starttls', client });
    expect(step).toMatchObject({ kind: 'accepted', text: expect.stringMatching(/^\[CAPABILITY .*\] Logged in$/) });
    await until('the login in the log', () => dovecot.logins().length > countBefore);
    expect(dovecot.logins().at(-1)).toMatchObject({ user: 'ann', remoteAddress: '2001:db8::7', tls: true });
    expect(dovecot.log()).toContain('session=<session-1>');
  });

  it('with a wrong password is refused', async () => {
    const credentials = { kind: 'password', user: 'ann', authorizationId: '', password: 'wrong' } as const;
    const step = await logInAt(imapProtocol, dovecot.imapPort, { credentials, auth: null, tls: 'none', client: null });
    expect(step).toMatchObject({
      kind: 'refused',
      failure: { kind: 'authentication', code: 'AUTHENTICATIONFAILED' },
    });
  });

  it('with a token, which it does not take', async () => {
    const message = 'user=ann\u0001auth=Bearer abc\u0001\u0001';
    const credentials = { kind: 'token', mechanism: 'XOAUTH2', user: 'ann', message } as const;
    const step = await logInAt(imapProtocol, dovecot.imapPort, { credentials, auth: null, tls: 'none', client: null });
    expect(step).toMatchObject({ kind: 'refused', failure: { kind: 'remote-configuration' } });
  });
});
