import { beginMechanism, type MechanismStep } from '../sasl/server-mechanisms.js';
import type { ParameterOffer } from './address-parameters.js';
import type { SmtpClientOptions } from './client-options.js';
import { clientReplies } from './client-replies.js';
import { type ClientSession, offeredMechanisms } from './client-session.js';
import type { Question, Reading } from './client-state.js';
import type { ClientStep } from './client-step.js';
import type { SmtpReply } from './replies.js';
import { type Command, parseAddress, parseAuth, parseChunk, type Verb } from './syntax.js';
import { readXclientAttributes } from './xclient-attributes.js';

/** What a command brings about. */
export type Reaction =
  | { readonly kind: 'reply'; readonly reply: SmtpReply }
  | { readonly kind: 'close'; readonly reply: SmtpReply; readonly reason: string }
  /** Ask the driver. */
  | { readonly kind: 'ask'; readonly question: Question; readonly step: ClientStep }
  /** Octets that are no commands follow. */
  | { readonly kind: 'read'; readonly next: Reading }
  | { readonly kind: 'reset' }
  | { readonly kind: 'authenticate'; readonly step: MechanismStep }
  | { readonly kind: 'start-tls' };

const nameLengthMax = 255;

const bareVerbs: ReadonlySet<Verb> = new Set<Verb>(['DATA', 'RSET', 'QUIT', 'STARTTLS']);
// RFC 3207 §4: what a server that insists on TLS hears before it.
const tlsFreeVerbs: ReadonlySet<Verb> = new Set<Verb>(['EHLO', 'HELO', 'NOOP', 'RSET', 'QUIT', 'HELP', 'STARTTLS']);
const helloVerbs: ReadonlySet<Verb> = new Set<Verb>(['MAIL', 'RCPT', 'DATA', 'BDAT', 'AUTH', 'STARTTLS']);
const ehloVerbs: ReadonlySet<Verb> = new Set<Verb>(['BDAT', 'AUTH', 'STARTTLS']);

/** What follows from a command in the state the session is in; the driver is not asked yet. */
export function reactToCommand(command: Command, session: ClientSession, options: SmtpClientOptions): Reaction {
  const { verb, argument } = command;
  if (verb === 'XCLIENT' && options.xclient.length === 0) return reply(clientReplies.unknown);
  const refusal = orderProblem(verb, session, options);
  // Its octets follow in any case, and are no commands.
  if (verb === 'BDAT') return reactToChunk(argument, session, refusal ?? chunkProblem(session, options));
  if (refusal !== null) return reply(refusal);
  if (argument !== '' && bareVerbs.has(verb)) return reply(clientReplies.noArguments);
  switch (verb) {
    case 'EHLO':
    case 'HELO':
      if (argument === '' || argument.length > nameLengthMax) return reply(clientReplies.badHello);
      return ask({ kind: 'hello', verb, name: argument }, { kind: 'hello', verb, name: argument });
    case 'MAIL':
      return reactToMail(argument, session, options);
    case 'RCPT':
      return reactToRecipient(argument, session, options);
    case 'DATA':
      return reactToData(session);
    case 'AUTH':
      return reactToAuth(argument, session, options);
    case 'STARTTLS':
      return reactToStartTls(session, options);
    case 'XCLIENT':
      return reactToXclient(argument, session, options);
    case 'RSET':
      return { kind: 'reset' };
    case 'NOOP':
      return reply(clientReplies.done);
    case 'HELP':
      return reply(clientReplies.help);
    case 'VRFY':
      return reply(argument === '' ? clientReplies.syntax : clientReplies.verify);
    case 'EXPN':
      return reply(clientReplies.expn);
    case 'QUIT':
      return { kind: 'close', reply: clientReplies.goodbye, reason: 'the client said QUIT' };
  }
}

function orderProblem(verb: Verb, session: ClientSession, options: SmtpClientOptions): SmtpReply | null {
  if (session.hello === null && helloVerbs.has(verb)) return clientReplies.helloFirst;
  if (options.needsTls && session.channel === 'plain' && !tlsFreeVerbs.has(verb)) return clientReplies.tlsFirst;
  if (session.hello?.verb === 'HELO' && ehloVerbs.has(verb)) return clientReplies.ehloFirst;
  return null;
}

function reactToMail(argument: string, session: ClientSession, options: SmtpClientOptions): Reaction {
  const { kind } = session.transaction;
  if (kind === 'envelope' || kind === 'chunks') return reply(clientReplies.notInTransaction);
  const parsed = parseAddress(argument, offerOf('mail', session, options));
  if (parsed.kind === 'refused') return reply(parsed.reply);
  const { command } = parsed;
  const utf8 = command.parameters['SMTPUTF8'] === true ? 'allowed' : 'refused';
  return ask({ kind: 'mail', utf8 }, { kind: 'mail', command });
}

function reactToRecipient(argument: string, session: ClientSession, options: SmtpClientOptions): Reaction {
  const problem = envelopeProblem(session);
  if (problem !== null) return reply(problem);
  const parsed = parseAddress(argument, offerOf('rcpt', session, options));
  if (parsed.kind === 'refused') return reply(parsed.reply);
  return ask({ kind: 'recipient' }, { kind: 'recipient', command: parsed.command });
}

function offerOf(verb: 'mail' | 'rcpt', session: ClientSession, options: SmtpClientOptions): ParameterOffer {
  const { transaction } = session;
  return {
    verb,
    hello: session.hello?.verb ?? 'HELO',
    smtputf8: options.extensions.smtputf8,
    dsn: options.extensions.dsn,
    auth: offeredMechanisms(session, options).length > 0,
    utf8: transaction.kind === 'envelope' ? transaction.utf8 : 'refused',
  };
}

/** Why RCPT and DATA are out of order, or null. */
function envelopeProblem({ transaction }: ClientSession): SmtpReply | null {
  switch (transaction.kind) {
    case 'none':
      return clientReplies.noSender;
    case 'chunks':
      return clientReplies.unfinishedMessage;
    case 'broken':
      return clientReplies.brokenMessage;
    case 'envelope':
      return null;
  }
}

function reactToData(session: ClientSession): Reaction {
  const problem = envelopeProblem(session) ?? recipientsProblem(session);
  return problem === null ? ask({ kind: 'data', chunk: null }, { kind: 'data' }) : reply(problem);
}

function recipientsProblem({ transaction }: ClientSession): SmtpReply | null {
  if (transaction.kind !== 'envelope' || transaction.acceptedCount > 0) return null;
  return transaction.refusedCount > 0 ? clientReplies.noValidRecipients : clientReplies.noRecipients;
}

function chunkProblem(session: ClientSession, options: SmtpClientOptions): SmtpReply | null {
  if (!options.extensions.chunking) return clientReplies.chunkingAbsent;
  if (session.transaction.kind === 'chunks') return null;
  return envelopeProblem(session) ?? recipientsProblem(session);
}

/** RFC 3030 §2; without a size that can be counted nobody knows where the next command begins. */
function reactToChunk(argument: string, session: ClientSession, problem: SmtpReply | null): Reaction {
  const chunk = parseChunk(argument);
  if (chunk === undefined) {
    return { kind: 'close', reply: clientReplies.badChunkSize, reason: 'a BDAT without a size' };
  }
  const { octets } = chunk;
  if (octets > Number.MAX_SAFE_INTEGER) {
    return { kind: 'close', reply: clientReplies.chunkTooLarge, reason: 'a BDAT of a size that cannot be counted' };
  }
  if (problem !== null) return { kind: 'read', next: { at: 'unwanted', left: octets, reply: problem } };
  if (session.transaction.kind === 'envelope') return ask({ kind: 'data', chunk }, { kind: 'data' });
  return { kind: 'read', next: { at: 'chunk', left: octets, chunk } };
}

/** RFC 4954 §4. */
function reactToAuth(argument: string, session: ClientSession, options: SmtpClientOptions): Reaction {
  if (session.login === 'done') return reply(clientReplies.loggedInAlready);
  if (isInTransaction(session)) return reply(clientReplies.notInTransaction);
  const offered = offeredMechanisms(session, options);
  const later = session.channel === 'plain' && options.tls === 'offered' ? options.mechanisms.secure : [];
  if (offered.length === 0 && later.length === 0) return reply(clientReplies.noAuth);
  const auth = parseAuth(argument);
  if (auth === undefined) return reply(clientReplies.syntax);
  const isName = (mechanism: string): boolean => mechanism === auth.name;
  const name = offered.find(isName);
  if (name !== undefined) return { kind: 'authenticate', step: beginMechanism(name, auth.initial) };
  return reply(later.some(isName) || offered.length === 0 ? clientReplies.tlsForLogin : clientReplies.unknownMechanism);
}

function reactToStartTls(session: ClientSession, options: SmtpClientOptions): Reaction {
  if (session.channel === 'secure') return reply(clientReplies.tlsActive);
  return options.tls === 'offered' ? { kind: 'start-tls' } : reply(clientReplies.noTls);
}

function reactToXclient(argument: string, session: ClientSession, options: SmtpClientOptions): Reaction {
  if (isInTransaction(session)) return reply(clientReplies.notInTransaction);
  const attributes = readXclientAttributes(argument, options.xclient);
  return attributes === undefined
    ? reply(clientReplies.badParameter)
    : ask({ kind: 'xclient' }, { kind: 'xclient', attributes });
}

function isInTransaction({ transaction }: ClientSession): boolean {
  return transaction.kind !== 'none';
}

function reply(text: SmtpReply): Reaction {
  return { kind: 'reply', reply: text };
}

function ask(question: Question, step: ClientStep): Reaction {
  return { kind: 'ask', question, step };
}
