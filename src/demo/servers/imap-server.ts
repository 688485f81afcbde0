import type { Dialogue, Peer } from './conversation.js';
import { authenticate, imapLoginCommands } from './imap-login-commands.js';
import { imapMailboxCommands } from './imap-mailbox-commands.js';
import { imapMessageCommands } from './imap-message-commands.js';
import { type ParsedCommand, parseImapCommand } from './imap-parser.js';
import { type ImapInput, ImapReader } from './imap-reader.js';
import {
  bad,
  bye,
  capabilityText,
  type ImapCommand,
  type ImapReply,
  type ImapRequest,
  type ImapSession,
  movedText,
} from './imap-session.js';
import type { ServerLimits } from './server-limits.js';
import { isStillHere, type MailboxHost } from './sign-in.js';

const preLoginLiteralBytesMax = 1024;

const commands: ReadonlyMap<string, ImapCommand> = new Map(
  Object.entries({ ...imapLoginCommands, ...imapMailboxCommands, ...imapMessageCommands }),
);

/** The server's side of one IMAP4rev1 connection; greets at once. */
export function serveImap(host: MailboxHost, limits: ServerLimits, peer: Peer): Dialogue {
  const session: ImapSession = {
    host,
    limits,
    peer,
    state: { phase: 'not-authenticated' },
    expects: { kind: 'command' },
    loginFailures: 0,
    badCommands: 0,
  };
  const reader = new ImapReader(limits.lineBytesMax);
  peer.write(`* OK [${capabilityText(limits)}] ${host.name} IMAP4rev1 ready\r\n`);
  return {
    async receive(chunk) {
      reader.push(chunk);
      for (;;) {
        const input = nextInput(session, reader);
        if (!input) return;
        await take(session, input);
        await peer.drained();
      }
    },
    close() {
      if (session.expects.kind === 'done') session.expects.stop();
      session.state = { phase: 'ended' };
    },
  };
}

function nextInput(session: ImapSession, reader: ImapReader): ImapInput | undefined {
  if (session.state.phase === 'ended') return undefined;
  if (session.expects.kind !== 'command') return reader.nextLine();
  const isSignedIn = session.state.phase !== 'not-authenticated';
  return reader.nextCommand(isSignedIn ? session.limits.messageBytesMax : preLoginLiteralBytesMax);
}

async function take(session: ImapSession, input: ImapInput): Promise<void> {
  switch (input.kind) {
    case 'continue':
      session.peer.write('+ go ahead\r\n');
      return;
    case 'too-long':
      bye(session, 'line too long');
      return;
    case 'literal-too-large':
      if (input.awaited) conclude(session, input.tag, { status: 'NO', text: '[TOOBIG] literal is too large' });
      else bye(session, '[TOOBIG] literal is too large');
      return;
    case 'line':
      takeLine(session, input.text);
      return;
    case 'command':
      await takeCommand(session, parseImapCommand(input.text, input.literals));
  }
}

function takeLine(session: ImapSession, line: string): void {
  const { expects } = session;
  session.expects = { kind: 'command' };
  switch (expects.kind) {
    case 'command':
      return;
    case 'sasl-response':
      conclude(session, expects.tag, authenticate(session, line));
      return;
    case 'done':
      expects.stop();
      if (session.state.phase === 'selected') session.peer.write(session.state.view.changes(true));
      conclude(
        session,
        expects.tag,
        line.toUpperCase() === 'DONE' ? { status: 'OK', text: 'done' } : bad('DONE expected'),
      );
  }
}

async function takeCommand(session: ImapSession, parsed: ParsedCommand): Promise<void> {
  if (parsed.kind === 'bad') {
    conclude(session, parsed.tag, bad(parsed.reason));
    return;
  }
  const { state } = session;
  const isSignedIn = state.phase === 'authenticated' || state.phase === 'selected';
  if (isSignedIn && parsed.name !== 'LOGOUT' && !isStillHere(session.host, state.user)) {
    bye(session, movedText);
    return;
  }
  const command = commands.get(parsed.name);
  if (!command) {
    conclude(session, parsed.tag, bad('unknown command'));
    return;
  }
  const reply = await run(command, { session, state, tag: parsed.tag, args: parsed.args });
  if (!reply) return;
  if (session.state.phase === 'selected') {
    const holdsExpunges = command.in === 'selected' && command.holdsExpunges === true;
    session.peer.write(session.state.view.changes(!holdsExpunges));
  }
  conclude(session, parsed.tag, reply);
}

function run(command: ImapCommand, request: ImapRequest): ReturnType<ImapCommand['run']> {
  const { state } = request;
  const wrongState = bad('not in this state');
  switch (command.in) {
    case 'any':
      return command.run(request);
    case 'not-authenticated':
      return state.phase === 'not-authenticated' ? command.run(request) : wrongState;
    case 'authenticated':
      return state.phase === 'authenticated' || state.phase === 'selected'
        ? command.run({ ...request, state })
        : wrongState;
    case 'selected':
      return state.phase === 'selected' ? command.run({ ...request, state }) : wrongState;
  }
}

function conclude(session: ImapSession, tag: string, reply: ImapReply): void {
  session.peer.write(`${tag} ${reply.status} ${reply.text}\r\n`);
  if (reply.status === 'BAD') session.badCommands += 1;
  if (session.state.phase === 'ended') return;
  if (session.badCommands >= session.limits.badCommandsMax) bye(session, 'too many bad commands');
  else if (session.loginFailures >= session.limits.loginFailuresMax) bye(session, 'too many failed logins');
}
