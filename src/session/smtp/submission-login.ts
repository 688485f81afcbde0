import type { LoginCredentials } from '../../protocols/sasl/login-credentials.js';
import type { Decision } from '../../routing/decision.js';
import type { MailSession } from '../../routing/mail-session.js';
import { findLogin } from '../../routing/recipients.js';
import { chooseForLogin } from '../../routing/route-mail.js';
import { pause } from '../pause.js';
import { type LoggedInConnection, logInSubmitter } from './log-in-submitter.js';
import { candidatesOf } from './mail-transaction.js';
import type { Attempt } from './open-server.js';
import { ownReplies } from './own-replies.js';
import type { ServerSetting } from './server-setting.js';
import type { SmtpServices } from './smtp-services.js';

/** What came of a client's AUTH; `connection` is the one on which the server has accepted the credentials. */
export type LoginOutcome =
  | { readonly kind: 'accepted'; readonly server: string; readonly connection: LoggedInConnection }
  | { readonly kind: 'refused' | 'temporary'; readonly reason: string; readonly tried: readonly Attempt[] };

/**
 * Tries a client's credentials at the mailbox server of its mailbox. A refusal takes the connector's tarpit at least,
 * so that an unknown name and a wrong password take the same time.
 */
export async function logInAtServer(
  session: MailSession & { readonly user: string },
  credentials: LoginCredentials,
  services: SmtpServices,
  setting: ServerSetting,
): Promise<LoginOutcome> {
  const leastMs = pause(session.connector.tarpit, setting.signal);
  const outcome = await tryServers(session, credentials, services, setting);
  if (outcome.kind === 'refused') await leastMs;
  return outcome;
}

async function tryServers(
  session: MailSession & { readonly user: string },
  credentials: LoginCredentials,
  services: SmtpServices,
  setting: ServerSetting,
): Promise<LoginOutcome> {
  if (session.user === '') return { kind: 'refused', reason: 'the login names nobody', tried: [] };
  const mailbox = findLogin(session.topology, session.directory, session.user);
  if (mailbox && services.isHeld(mailbox.address)) {
    return { kind: 'temporary', reason: `${mailbox.address} is being moved`, tried: [] };
  }
  const decision: Decision = chooseForLogin(session, services.availability);
  const candidates = candidatesOf(decision, session, services);
  if (candidates.length === 0) return { kind: 'temporary', reason: decision.reason, tried: [] };
  const result = await logInSubmitter(candidates, { credentials, ...setting });
  switch (result.kind) {
    case 'accepted':
      return { kind: 'accepted', server: result.server, connection: result.connection };
    case 'refused':
      return { kind: 'refused', reason: 'the server refused the credentials', tried: [] };
    case 'temporary':
      return { kind: 'temporary', reason: result.reason, tried: [] };
  }
}

/** What the client hears of a login that came to nothing; never the server's words, which may hold the password. */
export function loginReply({ kind }: Exclude<LoginOutcome, { kind: 'accepted' }>) {
  return kind === 'refused' ? ownReplies.wrongCredentials : ownReplies.loginTemporary;
}
