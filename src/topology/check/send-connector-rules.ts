import type { SendConnector } from '../catalogue/catalogue.js';
import type { Topology } from '../topology.js';
import type { Finding } from './finding.js';
import { errorOf, warningOf } from './finding.js';

type Auth = NonNullable<SendConnector['auth']>;

/** What the fields of one connector must keep to: TLS, and a password that goes where it should and is found once. */
export function checkSendConnectorRules(topology: Topology): Finding[] {
  return topology.sendConnectors.flatMap((connector) => [
    ...checkImplicitTls(connector),
    ...(connector.auth === null ? [] : checkAuth(connector, connector.auth)),
  ]);
}

const error = errorOf('send-connector');
const warning = warningOf('send-connector');

function checkImplicitTls({ name, implicitTls, tls }: SendConnector): Finding[] {
  if (!implicitTls || tls !== 'none') return [];
  const message = 'implicitTls is TLS from the first byte, and tls is "none"; set tls to "encrypt" or "verify"';
  return [error(name, ['implicitTls'], 'connector-rule', message)];
}

function checkAuth(connector: SendConnector, auth: Auth): Finding[] {
  const { name, smartHosts } = connector;
  const wrong = wrongPassword(auth);
  const findings = wrong === undefined ? [] : [error(name, ['auth'], 'connector-rule', wrong)];
  if (smartHosts.length > 0) return [...findings, ...checkPasswordCover(connector)];
  const message = 'auth needs smartHosts: a password is never sent to a host that MX records name';
  return [...findings, error(name, ['auth'], 'connector-rule', message)];
}

function wrongPassword(auth: Auth): string | undefined {
  // A row written before there was `passwordEnv` has no such key.
  const given = [auth.passwordFile, auth.passwordEnv ?? null].filter((place) => place !== null);
  if (given.length === 1) return undefined;
  if (given.length === 0)
    return 'auth needs passwordFile (a file) or passwordEnv (the name of an environment variable)';
  return 'auth has both passwordFile and passwordEnv; clear one of them (--unset auth.passwordFile)';
}

/** A password that goes in clear, or is held back where the host has no TLS. */
function checkPasswordCover({ name, tls, implicitTls }: SendConnector): Finding[] {
  if (implicitTls) return [];
  if (tls === 'none') {
    const message = 'sends its password in clear, as tls is "none"; set tls to "encrypt" or "verify"';
    return [warning(name, ['tls'], 'password-in-clear', message)];
  }
  if (tls !== 'opportunistic') return [];
  const message =
    'has a password and tls "opportunistic"; mail stops when a smart host offers no TLS; set tls to "encrypt" or "verify"';
  return [warning(name, ['tls'], 'password-needs-tls', message)];
}
