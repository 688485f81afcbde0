import { ByteQueue } from './byte-queue.js';
import type { Dialogue, Peer } from './conversation.js';
import type { StoredMessage } from './mail-store.js';
import { decodePlain } from './plain-credentials.js';
import { messageResponse, topOf } from './pop-message.js';
import type { ServerLimits } from './server-limits.js';
import { type FoundMailbox, isStillHere, type MailboxHost, signIn } from './sign-in.js';

/** The mailbox as it was at the sign-in; what is deleted goes at QUIT. */
interface Drop {
  readonly user: FoundMailbox;
  readonly messages: readonly StoredMessage[];
  readonly deleted: Set<number>;
}

type PopState =
  | { readonly phase: 'authorization'; readonly user: string | undefined }
  | { readonly phase: 'sasl-response' }
  | { readonly phase: 'transaction'; readonly drop: Drop }
  | { readonly phase: 'ended' };

interface PopSession {
  readonly host: MailboxHost;
  readonly limits: ServerLimits;
  readonly peer: Peer;
  state: PopState;
  loginFailures: number;
  badCommands: number;
}

/** The server's side of one POP3 connection; greets at once. */
export function servePop(host: MailboxHost, limits: ServerLimits, peer: Peer): Dialogue {
  const queue = new ByteQueue();
  const start: PopState = { phase: 'authorization', user: undefined };
  const session: PopSession = { host, limits, peer, state: start, loginFailures: 0, badCommands: 0 };
  peer.write(`+OK ${host.name} POP3 ready\r\n`);
  return {
    async receive(chunk) {
      queue.push(chunk);
      while (session.state.phase !== 'ended') {
        const line = queue.takeLine(limits.lineBytesMax);
        if (!line) return;
        if (line.kind === 'too-long') end(session, '-ERR line too long');
        else answer(session, line.bytes.toString('utf8'));
        await peer.drained();
      }
    },
    close() {
      session.state = { phase: 'ended' };
    },
  };
}

function answer(session: PopSession, line: string): void {
  const { state } = session;
  const [verb = '', ...args] = line.split(' ');
  switch (state.phase) {
    case 'ended':
      return;
    case 'sasl-response':
      session.state = { phase: 'authorization', user: undefined };
      authenticate(session, line);
      return;
    case 'authorization':
      authorize(session, state.user, verb.toUpperCase(), line.slice(verb.length + 1));
      return;
    case 'transaction':
      if (!isStillHere(session.host, state.drop.user))
        end(session, '-ERR [SYS/TEMP] mailbox is active on another server');
      else transact(session, state.drop, verb.toUpperCase(), args);
  }
}

function authorize(session: PopSession, user: string | undefined, verb: string, argument: string): void {
  switch (verb) {
    case 'CAPA':
      capabilities(session);
      return;
    case 'QUIT':
      end(session, '+OK bye');
      return;
    case 'USER':
      session.state = { phase: 'authorization', user: argument };
      send(session, '+OK password, please');
      return;
    case 'PASS':
      session.state = { phase: 'authorization', user: undefined };
      if (user === undefined) refuse(session, 'USER first');
      else enter(session, user, argument);
      return;
    case 'AUTH':
      startSasl(session, argument);
      return;
    default:
      refuse(session, 'unknown command, or sign in first');
  }
}

// RFC 5034 §4: AUTH mechanism [initial-response]; "=" stands for an empty one
function startSasl(session: PopSession, argument: string): void {
  const [mechanism = '', response] = argument.split(' ');
  if (mechanism === '') send(session, '+OK\r\nPLAIN\r\n.');
  else if (mechanism.toUpperCase() !== 'PLAIN') refuse(session, 'only PLAIN is offered');
  else if (response !== undefined) authenticate(session, response);
  else {
    session.state = { phase: 'sasl-response' };
    send(session, '+ ');
  }
}

function authenticate(session: PopSession, response: string): void {
  const credentials = decodePlain(response);
  if (credentials) enter(session, credentials.user, credentials.password);
  else refuse(session, response === '*' ? 'cancelled' : 'malformed credentials');
}

function enter(session: PopSession, user: string, password: string): void {
  const outcome = signIn(session.host, user, password);
  switch (outcome.kind) {
    case 'signed-in': {
      const drop: Drop = { user: outcome, messages: outcome.mailbox.messages, deleted: new Set() };
      session.state = { phase: 'transaction', drop };
      session.peer.signedIn();
      send(session, `+OK ${outcome.address} signed in on ${session.host.name}, ${drop.messages.length} messages`);
      return;
    }
    case 'active-elsewhere':
      send(session, '-ERR [SYS/TEMP] mailbox is active on another server');
      return;
    case 'wrong-password':
      session.loginFailures += 1;
      if (session.loginFailures >= session.limits.loginFailuresMax) end(session, '-ERR [AUTH] too many failed logins');
      else send(session, '-ERR [AUTH] wrong user name or password');
  }
}

function transact(session: PopSession, drop: Drop, verb: string, args: readonly string[]): void {
  const left = drop.messages.filter(({ uid }) => !drop.deleted.has(uid));
  switch (verb) {
    case 'CAPA':
      capabilities(session);
      return;
    case 'NOOP':
      send(session, '+OK');
      return;
    case 'STAT':
      send(session, `+OK ${left.length} ${left.reduce((sum, message) => sum + message.raw.length, 0)}`);
      return;
    case 'RSET':
      drop.deleted.clear();
      send(session, '+OK nothing is deleted');
      return;
    case 'QUIT':
      drop.user.mailbox.remove(drop.deleted);
      end(session, '+OK bye');
      return;
    case 'LIST':
      listing(session, drop, args[0], (message) => String(message.raw.length));
      return;
    case 'UIDL':
      listing(session, drop, args[0], (message) => `${drop.user.mailbox.uidValidity}.${message.uid}`);
      return;
    default:
      transactMessage(session, drop, verb, args);
  }
}

function transactMessage(session: PopSession, drop: Drop, verb: string, args: readonly string[]): void {
  if (!['RETR', 'TOP', 'DELE'].includes(verb)) {
    refuse(session, 'unknown command');
    return;
  }
  const message = messageNumbered(drop, args[0]);
  const lines = verb === 'TOP' ? /^\d{1,9}$/.exec(args[1] ?? '')?.[0] : '0';
  if (!message || lines === undefined) {
    refuse(session, lines === undefined ? 'TOP message lines' : 'no such message');
    return;
  }
  if (verb === 'DELE') {
    drop.deleted.add(message.uid);
    send(session, '+OK deleted at QUIT');
    return;
  }
  const raw = verb === 'TOP' ? topOf(message.raw, Number(lines)) : message.raw;
  send(session, `+OK ${raw.length} octets`);
  session.peer.write(messageResponse(raw));
}

function listing(
  session: PopSession,
  drop: Drop,
  number: string | undefined,
  show: (message: StoredMessage) => string,
): void {
  if (number !== undefined) {
    const message = messageNumbered(drop, number);
    if (message) send(session, `+OK ${Number(number)} ${show(message)}`);
    else refuse(session, 'no such message');
    return;
  }
  const lines = drop.messages.flatMap((message, index) =>
    drop.deleted.has(message.uid) ? [] : [`${index + 1} ${show(message)}`],
  );
  send(session, ['+OK', ...lines, '.'].join('\r\n'));
}

function messageNumbered(drop: Drop, number: string | undefined): StoredMessage | undefined {
  const message = /^\d{1,9}$/.test(number ?? '') ? drop.messages[Number(number) - 1] : undefined;
  return message && !drop.deleted.has(message.uid) ? message : undefined;
}

function capabilities(session: PopSession): void {
  const lines = ['USER', 'SASL PLAIN', 'TOP', 'UIDL', 'RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING'];
  const implementation = `IMPLEMENTATION usher-demo ${session.host.name}`;
  send(session, ['+OK', ...lines, implementation, '.'].join('\r\n'));
}

function refuse(session: PopSession, reason: string): void {
  session.badCommands += 1;
  if (session.badCommands >= session.limits.badCommandsMax) end(session, '-ERR too many bad commands');
  else send(session, `-ERR ${reason}`);
}

function end(session: PopSession, text: string): void {
  send(session, text);
  session.state = { phase: 'ended' };
  session.peer.end();
}

function send(session: PopSession, text: string): void {
  session.peer.write(`${text}\r\n`);
}
