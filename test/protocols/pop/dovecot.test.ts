import { afterAll, beforeAll, expect, it } from 'vitest';
import { popProtocol } from '../../../src/protocols/pop/pop-protocol.js';
import { type Dovecot, startDovecot } from '../../support/peers/dovecot.js';
import { describePeer } from '../../support/require-peer.js';
import { until } from '../../support/until.js';
import { distantClient, logInAt } from '../sasl/log-in-at.js';

const client = { ...distantClient, localPort: 995 };

describePeer('dovecot', 'a login at Dovecot', () => {
  let dovecot: Dovecot;
  const password = ' pass wörd: 1 ';

  beforeAll(async () => {
    dovecot = await startDovecot({ name: 'mbx', users: [{ user: 'ann', password }], tls: 'available' });
  });
  afterAll(() => dovecot.stop());

  it.each(['PLAIN', 'LOGIN', null])('by %s, with the IPv6 address of the client told by XCLIENT', async (auth) => {
    const credentials = { kind: 'password', user: 'ann', authorizationId: '', password } as const;
    const countBefore = dovecot.logins().length;
    const step = await logInAt(popProtocol, dovecot.popPort, { credentials, auth, tls: 'starttls', client });
    expect(step).toMatchObject({ kind: 'accepted', text: 'Logged in.' });
    await until('the login in the log', () => dovecot.logins().length > countBefore);
    expect(dovecot.logins().at(-1)).toMatchObject({ user: 'ann', remoteAddress: '2001:db8::7', tls: true });
    expect(dovecot.log()).toContain('session=<session-1>');
  });

  it('with a wrong password is refused', async () => {
    const credentials = { kind: 'password', user: 'ann', authorizationId: '', password: 'wrong' } as const;
    const step = await logInAt(popProtocol, dovecot.popPort, { credentials, auth: null, tls: 'none', client: null });
    expect(step).toMatchObject({ kind: 'refused', failure: { kind: 'authentication', code: 'AUTH' } });
  });
});
