import { textOf } from './imap-parser.js';
import {
  bad,
  capabilityText,
  type ImapCommands,
  type ImapReply,
  type ImapSession,
  identityText,
  movedText,
  no,
  ok,
} from './imap-session.js';
import { decodePlain } from './plain-credentials.js';
import { signIn } from './sign-in.js';

/** CAPABILITY, ID, NOOP, LOGOUT, LOGIN and AUTHENTICATE. */
export const imapLoginCommands: ImapCommands = {
  CAPABILITY: {
    in: 'any',
    run({ session }) {
      session.peer.write(`* ${capabilityText(session.limits)}\r\n`);
      return ok('done');
    },
  },
  ID: {
    in: 'any',
    run({ session }) {
      session.peer.write(`* ID ${identityText(session.host.name)}\r\n`);
      return ok('done');
    },
  },
  NOOP: { in: 'any', run: () => ok('done') },
  LOGOUT: {
    in: 'any',
    run({ session, tag }) {
      session.state = { phase: 'ended' };
      session.peer.write(`* BYE ${session.host.name} signing off\r\n${tag} OK done\r\n`);
      session.peer.end();
      return undefined;
    },
  },
  LOGIN: {
    in: 'not-authenticated',
    run({ session, args }) {
      const [user, password] = args.map(textOf);
      if (args.length !== 2 || user === undefined || password === undefined) return bad('LOGIN user password');
      return enter(session, user, password);
    },
  },
  AUTHENTICATE: {
    in: 'not-authenticated',
    run({ session, args, tag }) {
      const [mechanism, response] = args.map(textOf);
      if (mechanism?.toUpperCase() !== 'PLAIN') return no('[CANNOT] only PLAIN is offered');
      if (response !== undefined) return authenticate(session, response);
      session.expects = { kind: 'sasl-response', tag };
      session.peer.write('+ \r\n');
      return undefined;
    },
  },
};

/** Answers the response of a SASL exchange. */
export function authenticate(session: ImapSession, response: string): ImapReply {
  if (response === '*') return bad('cancelled');
  const credentials = decodePlain(response);
  if (!credentials) return no('[AUTHENTICATIONFAILED] malformed credentials');
  return enter(session, credentials.user, credentials.password);
}

function enter(session: ImapSession, user: string, password: string): ImapReply {
  const outcome = signIn(session.host, user, password);
  switch (outcome.kind) {
    case 'signed-in':
      session.state = { phase: 'authenticated', user: outcome };
      session.peer.signedIn();
      return ok(`[${capabilityText(session.limits)}] ${outcome.address} signed in on ${session.host.name}`);
    case 'active-elsewhere':
      return no(movedText);
    case 'wrong-password':
      session.loginFailures += 1;
      return no('[AUTHENTICATIONFAILED] wrong user name or password');
  }
}
