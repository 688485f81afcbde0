import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { popProtocol } from '../../../src/protocols/pop/pop-protocol.js';
import type { ServerDialogueOptions, ServerStep } from '../../../src/protocols/sasl/login-protocol.js';
import { type Dovecot, startDovecot } from '../../support/peers/dovecot.js';
import { describePeer } from '../../support/require-peer.js';
import { until } from '../../support/until.js';

const client = {
  address: '2001:db8::7',
  port: 40_001,
  localAddress: '2001:db8::1',
  localPort: 995,
  sessionId: 'session-1',
  proxyTtl: 3,
};

/** Speaks with the server over a socket until the login is decided. */
async function logIn(port: number, options: ServerDialogueOptions): Promise<ServerStep> {
  const dialogue = popProtocol.createServerDialogue(options);
  let socket: Socket = connect({ host: '127.0.0.1', port });
  try {
    for (;;) {
      const chunk = await nextChunk(socket);
      let result = dialogue.receive(chunk);
      socket.write(result.output);
      if (result.step.kind === 'start-tls') {
        socket = connectTls({ socket, rejectUnauthorized: false });
        result = dialogue.tlsStarted();
        socket.write(result.output);
      }
      if (result.step.kind !== 'read') return result.step;
    }
  } finally {
    socket.destroy();
  }
}

function nextChunk(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('data', (chunk: Buffer) => {
      socket.off('error', reject);
      resolve(chunk);
    });
  });
}

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
    const step = await logIn(dovecot.popPort, { credentials, auth, tls: 'starttls', client });
    expect(step).toMatchObject({ kind: 'accepted', text: 'Logged in.' });
    await until('the login in the log', () => dovecot.logins().length > countBefore);
    expect(dovecot.logins().at(-1)).toMatchObject({ user: 'ann', remoteAddress: '2001:db8::7', tls: true });
    expect(dovecot.log()).toContain('session=<session-1>');
  });

  it('with a wrong password is refused', async () => {
    const credentials = { kind: 'password', user: 'ann', authorizationId: '', password: 'wrong' } as const;
    const step = await logIn(dovecot.popPort, { credentials, auth: null, tls: 'none', client: null });
    expect(step).toMatchObject({ kind: 'refused', failure: { kind: 'authentication', code: 'AUTH' } });
  });
});
