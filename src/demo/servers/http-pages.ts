import { createHash } from 'node:crypto';

import type { StoredMessage } from './mail-store.js';
import { fieldValue, readHeaderFields, splitMessage } from './message-header.js';
import { decodeHeaderText } from './readable-text.js';

const style = `
body { margin: 0; background: #f6f7f9; color: #1c2733; font: 16px/1.5 system-ui, sans-serif; }
header { background: #12395b; color: #fff; padding: 1rem 2rem; }
header p { margin: 0; opacity: .85; }
h1 { margin: 0; font-size: 1.2rem; }
main { max-width: 60rem; margin: 1.5rem auto; padding: 0 1rem; }
table { width: 100%; border-collapse: collapse; background: #fff; }
th, td { padding: .5rem .75rem; border-bottom: 1px solid #dfe4ea; text-align: left; }
tr.unread td { font-weight: 600; }
pre { padding: 1rem; background: #fff; white-space: pre-wrap; overflow-wrap: anywhere; }
a { color: #0b5cad; }
`;

/** The only style a page may use; nothing else is loaded or run. */
export const contentSecurityPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; frame-ancestors 'none'`;

/** What a list shows of a message. */
export interface MessageSummary {
  readonly uid: number;
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  /** ISO 8601, when the message was stored. */
  readonly date: string;
  readonly sizeBytes: number;
  readonly isSeen: boolean;
}

/** Who answers, and for whom. */
export interface PageContext {
  readonly server: string;
  readonly address: string;
  readonly database: string;
}

export function summarize(message: StoredMessage): MessageSummary {
  const fields = readHeaderFields(splitMessage(message.raw).header);
  const text = (name: string): string => decodeHeaderText(fieldValue(fields, name) ?? '');
  return {
    uid: message.uid,
    subject: text('subject'),
    from: text('from'),
    to: text('to'),
    date: message.internalDate.toISOString(),
    sizeBytes: message.raw.length,
    isSeen: message.flags.has('\\Seen'),
  };
}

/** The list of a mailbox, newest first. */
export function mailboxPage(context: PageContext, messages: readonly MessageSummary[]): string {
  const rows = messages.toReversed().map(
    (message) => `<tr${message.isSeen ? '' : ' class="unread"'}>
<td><a href="/owa/message/${message.uid}">${escapeHtml(message.subject || '(no subject)')}</a></td>
<td>${escapeHtml(message.from)}</td><td>${shortDate(message.date)}</td></tr>`,
  );
  const table = `<table><thead><tr><th>Subject</th><th>From</th><th>Date</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`;
  return page(context, 'Inbox', rows.length === 0 ? '<p>No messages yet.</p>' : table);
}

/** One message. */
export function messagePage(context: PageContext, message: MessageSummary, text: string): string {
  const subject = message.subject || '(no subject)';
  const content = `<p><a href="/owa/">Inbox</a></p>
<h2>${escapeHtml(subject)}</h2>
<p>From ${escapeHtml(message.from)}<br>To ${escapeHtml(message.to)}<br>${shortDate(message.date)}</p>
<pre>${escapeHtml(text)}</pre>`;
  return page(context, subject, content);
}

/** A page with one sentence, for refusals. */
export function noticePage(server: string, title: string, text: string): string {
  return document(title, `<h1>${escapeHtml(server)}</h1>`, `<h2>${escapeHtml(title)}</h2><p>${escapeHtml(text)}</p>`);
}

function page(context: PageContext, title: string, content: string): string {
  const { server, address, database } = context;
  const heading = `<h1>Answered by ${escapeHtml(server)}</h1>
<p>Mailbox ${escapeHtml(address)} in ${escapeHtml(database)}</p>`;
  return document(`${title} - ${address} on ${server}`, heading, content);
}

function document(title: string, heading: string, content: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><style>${style}</style></head>
<body><header>${heading}</header>
<main>${content}</main></body></html>
`;
}

function shortDate(isoDate: string): string {
  return `${isoDate.slice(0, 10)} ${isoDate.slice(11, 16)} UTC`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
