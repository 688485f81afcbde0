import type { SaslMechanism } from '../../protocols/sasl/login-credentials.js';
import type { SmtpClientOptions } from '../../protocols/smtp/client-options.js';
import type { MailSession } from '../../routing/mail-session.js';
import { messageSizeLimit } from './mail-transaction.js';

export interface DialogueSetting {
  readonly tls: SmtpClientOptions['tls'];
  /** Whether the client may say for whom it speaks. */
  readonly isTrusted: boolean;
  readonly trace: SmtpClientOptions['trace'];
}

const mechanisms: readonly SaslMechanism[] = ['PLAIN', 'LOGIN', 'XOAUTH2', 'OAUTHBEARER'];
const xclientAttributes = ['NAME', 'ADDR', 'PORT', 'PROTO', 'HELO'];

/** What a receive connector offers a client. */
export function dialogueOptions(session: MailSession, { tls, isTrusted, trace }: DialogueSetting): SmtpClientOptions {
  const { connector, frontEnd } = session;
  const { auth } = connector;
  const offersLogin = auth.includes('basic') || auth.includes('basic-require-tls');
  const secure = offersLogin ? mechanisms : [];
  const plain = auth.includes('basic-require-tls') ? [] : secure;
  return {
    serverName: frontEnd.host,
    banner: connector.banner,
    tls,
    needsTls: connector.requireTls,
    mechanisms: { plain, secure },
    sizeMax: messageSizeLimit(session),
    extensions: { smtputf8: true, dsn: true, chunking: true },
    xclient: isTrusted ? xclientAttributes : [],
    protocolErrorsMax: connector.maxProtocolErrors,
    trace,
  };
}
