import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { SMTPServer, type SMTPServerAddress, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server';
import { keepErrorsHandled } from '../../net/keep-errors-handled.js';
import type { SmtpReply } from '../../protocols/smtp/replies.js';
import { ownReplies } from './own-replies.js';
import type { AddressCommand, ClientGreeting, Receiver, ReceiverOptions } from './receiver.js';

type Connection = SMTPServer['connections'] extends Set<infer C> ? C : never;

const commandLengthMax = 4096;
const dayMs = 86_400_000;

/** Receives mail on one connection by an `SMTPServer` of its own that never listens. */
export function openSmtpServerReceiver(options: ReceiverOptions): Receiver {
  const { socket, sessionId, clientAddress, handlers, startTls, onTrouble } = options;
  let top: Socket = socket;
  // RFC 3207: a handshake that is done puts a TLS socket on top, which is the one to destroy.
  const server = new SMTPServer({
    ...fixedOptions(options),
    onSecure(secure, _session, callback) {
      top = keepErrorsHandled(secure);
      handlers.answered();
      callback(isModern(secure) ? null : new Refusal(ownReplies.oldTls));
    },
    onMailFrom(address, session, callback) {
      const refusal = refusalOf(handlers.mail(commandOf(address), greetingOf(session)));
      // Answered at once, a whole second message in one chunk would leave smtp-server waiting for ever.
      setImmediate(callback, refusal);
    },
    onRcptTo: (address, _session, callback) => callback(refusalOf(handlers.recipient(commandOf(address)))),
    onData(stream, _session, callback) {
      handlers
        .message(stream)
        .then((reply) => (reply.code < 300 ? callback(null, wireText(reply)) : callback(new Refusal(reply))))
        .catch((error: unknown) => onTrouble(error instanceof Error ? error : new Error(String(error))));
    },
    onClose: () => handlers.gone(),
  });
  server.on('error', onTrouble);
  if (startTls !== null) server.secureContext.set('*', startTls(null));
  // The client's end of stream ends our side too; smtp-server answers nobody after it.
  socket.allowHalfOpen = false;
  server.connect(socket, { id: sessionId, remoteAddress: clientAddress });
  const [connection] = server.connections;
  if (connection === undefined) throw new Error('smtp-server did not take the connection');
  const say = answerThrough(connection, options);
  return {
    get hasTransaction() {
      const { envelope } = connection.session as Partial<SMTPServerSession>;
      return envelope !== undefined && envelope.mailFrom !== false;
    },
    close: (reply) => {
      say(reply);
      connection.close();
    },
    destroy() {
      // Node crashes when a TLS socket is destroyed right after the socket below it; that takes it along by itself.
      if (!socket.destroyed) top.destroy();
    },
  };
}

function fixedOptions({ name, channel, sizeMax, startTls }: ReceiverOptions): SMTPServerOptions {
  return {
    name,
    logger: false,
    // Without these it would show a certificate of its own, whose key everybody knows.
    key: undefined,
    cert: undefined,
    secure: channel === 'secure',
    secured: channel === 'secure',
    SNICallback: (serverName, done) => {
      try {
        done(null, startTls?.(serverName === '' ? null : serverName.toLowerCase()));
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
    disabledCommands: ['AUTH', 'XCLIENT', 'XFORWARD', 'WIZ', 'SHELL', 'KILL', ...(startTls ? [] : ['STARTTLS'])],
    disableReverseLookup: true,
    heloResponse: '%s Hello %s',
    hideENHANCEDSTATUSCODES: false,
    hideSMTPUTF8: true,
    // Without a number smtp-server leaves the judgement of SIZE= to us; the number is put in when it answers EHLO.
    size: sizeMax ?? Number.MAX_SAFE_INTEGER,
    hideSize: true,
    lenientAddressParsing: true,
    maxCommandLength: commandLengthMax,
    // The conversation has timers of its own: this one also runs while a slow server keeps the client waiting.
    socketTimeout: dayMs,
  };
}

/**
 * Sees every reply before it goes out: each gets one enhanced code, ours where we gave one; protocol errors are
 * counted. The result says a reply of ours.
 */
function answerThrough(connection: Connection, options: ReceiverOptions): (reply: SmtpReply) => void {
  const { handlers, banner, sizeMax, protocolErrorsMax } = options;
  const send = connection.send.bind(connection);
  let errors = 0;
  const sendText = (code: number, text: string): void => {
    const [, enhanced] = enhancedForm.exec(text) ?? [];
    const lines = text.split('\n');
    send(code, enhanced === undefined ? lines : withCode(lines, enhanced), false);
  };
  connection.send = (code, data, context) => {
    if (code === 220 && context === false && banner !== null) send(220, banner.slice(4), false);
    else if (Array.isArray(data))
      send(
        code,
        data.map((line) => (line === 'SIZE' ? sizeLine(sizeMax) : line)),
        context,
      );
    else if (enhancedForm.test(data ?? '')) sendText(code, data ?? '');
    else send(code, data, context);
    handlers.answered();
    if (!isProtocolError(code)) return;
    errors += 1;
    if (errors > protocolErrorsMax) sendText(ownReplies.tooManyErrors.code, wireText(ownReplies.tooManyErrors));
  };
  return (reply) => sendText(reply.code, wireText(reply));
}

const enhancedForm = /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/;

// RFC 2034 §4: the enhanced code stands on every line.
function withCode([first = '', ...others]: readonly string[], enhanced: string): string[] {
  return [first, ...others.map((line) => `${enhanced} ${line}`)];
}

/** A reply without its code: text that always begins with an enhanced code. */
function wireText({ code, enhanced, text }: SmtpReply): string {
  return `${enhanced ?? `${Math.floor(code / 100)}.0.0`} ${text}`;
}

const sizeLine = (sizeMax: number | null): string => (sizeMax === null ? 'SIZE' : `SIZE ${sizeMax}`);

// RFC 5321 §4.2.2: syntax and order.
const isProtocolError = (code: number): boolean => (code >= 500 && code <= 504) || code === 555;

class Refusal extends Error {
  readonly responseCode: number;

  constructor(reply: SmtpReply) {
    super(wireText(reply));
    this.responseCode = reply.code;
  }
}

const refusalOf = (reply: SmtpReply | null): Refusal | null => (reply === null ? null : new Refusal(reply));

const commandOf = ({ address, args }: SMTPServerAddress): AddressCommand => ({
  address,
  parameters: args === false ? {} : args,
});

function greetingOf({ hostNameAppearsAs, openingCommand, secure }: SMTPServerSession): ClientGreeting {
  const extended = secure ? 'ESMTPS' : 'ESMTP';
  return {
    helo: hostNameAppearsAs,
    protocol: openingCommand === 'EHLO' ? extended : 'SMTP',
    channel: secure ? 'secure' : 'plain',
  };
}

function isModern(socket: Socket): boolean {
  const protocol = socket instanceof TLSSocket ? socket.getProtocol() : null;
  return protocol === 'TLSv1.2' || protocol === 'TLSv1.3';
}
