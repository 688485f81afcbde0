import { randomUUID } from 'node:crypto';

import { fieldValue, readHeaderFields, splitMessage } from './message-header.js';
import { type FoundMailbox, findMailbox, type MailboxHost } from './sign-in.js';

/** A message as SMTP handed it over. */
export interface IncomingMessage {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly raw: Buffer;
  /** What the client called itself, and its address. */
  readonly helo: string;
  readonly clientAddress: string;
  /** `ESMTP`, `ESMTPA`, as the Received header names it. */
  readonly protocol: string;
}

export type DeliveryOutcome =
  | { readonly kind: 'delivered'; readonly messageId: string; readonly mailboxes: readonly FoundMailbox[] }
  | { readonly kind: 'unknown-recipient'; readonly recipient: string }
  | { readonly kind: 'message-too-large' }
  | { readonly kind: 'mailbox-full'; readonly recipient: string };

/** Stores a message for all of its recipients, whichever server holds them, or for none. */
export function deliver(host: MailboxHost, message: IncomingMessage): DeliveryOutcome {
  const messageId = fieldValue(readHeaderFields(splitMessage(message.raw).header), 'message-id');
  const madeId = `<${randomUUID()}@${host.name.toLowerCase()}.demo>`;
  const id = messageId && /^<[\x21-\x7e]{1,250}>$/.test(messageId) ? messageId : madeId;
  const raw = Buffer.concat([traceOf(host, message, messageId === undefined ? id : undefined), message.raw]);
  const mailboxes = new Map<string, FoundMailbox>();
  for (const recipient of message.recipients) {
    const found = findMailbox(host, recipient);
    if (!found) return { kind: 'unknown-recipient', recipient };
    const room = found.mailbox.roomFor(raw.length);
    if (room !== 'room') return { kind: room, recipient };
    mailboxes.set(found.address, found);
  }
  for (const { mailbox } of mailboxes.values()) mailbox.append(raw);
  return { kind: 'delivered', messageId: id, mailboxes: [...mailboxes.values()] };
}

// RFC 5321 §4.4: final delivery adds Return-Path, every hop a Received in front of those that are there
function traceOf(host: MailboxHost, message: IncomingMessage, newId: string | undefined): Buffer {
  const [only, ...others] = message.recipients;
  const recipient = only !== undefined && others.length === 0 ? ` for <${headerSafe(only)}>` : '';
  const date = new Date().toUTCString().replace('GMT', '+0000');
  const lines = [
    `Return-Path: <${headerSafe(message.sender)}>`,
    `Received: from ${headerSafe(message.helo)} ([${headerSafe(message.clientAddress)}])`,
    `\tby ${headerSafe(host.name)} with ${message.protocol}${recipient};`,
    `\t${date}`,
    ...(newId === undefined ? [] : [`Message-ID: ${newId}`]),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n`);
}

function headerSafe(text: string): string {
  return text.replace(/[\x00-\x20\x7f]/g, '?').slice(0, 320);
}
