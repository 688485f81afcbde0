import type { ClientDialogueOptions, ServerDialogueOptions } from '../../../src/protocols/sasl/login-protocol.js';

/** A door with TLS that offers everything. */
export const doorDefaults: ClientDialogueOptions = {
  serverName: 'mail.contoso.com',
  tlsActive: true,
  starttls: true,
  plaintextLogin: false,
  commandSizeMax: 512,
  badCommandsMax: 5,
  mechanisms: ['PLAIN', 'LOGIN', 'XOAUTH2', 'OAUTHBEARER'],
  serverCapabilities: null,
};

/** A login in clear, which keeps transcripts short. */
export const serverDefaults: ServerDialogueOptions = {
  credentials: { kind: 'password', user: 'ann', authorizationId: '', password: 'secret' },
  auth: null,
  tls: 'none',
  client: null,
};
