import { type HeaderAddress, readAddressList } from './address-list.js';
import { imapString } from './imap-text.js';
import { fieldValue, type HeaderField } from './message-header.js';
import type { HeaderToken, MimePart } from './mime-part.js';

/** The ENVELOPE of a message; one character per byte. */
export function envelopeText(fields: readonly HeaderField[]): string {
  const text = (name: string): string => imapString(fieldValue(fields, name));
  const from = addressesText(fields, 'from');
  // RFC 9051 §7.5.2: an absent Sender or Reply-To is answered with From
  const orFrom = (name: string): string => {
    const addresses = addressesText(fields, name);
    return addresses === 'NIL' ? from : addresses;
  };
  const people = [
    from,
    orFrom('sender'),
    orFrom('reply-to'),
    ...['to', 'cc', 'bcc'].map((n) => addressesText(fields, n)),
  ];
  return `(${text('date')} ${text('subject')} ${people.join(' ')} ${text('in-reply-to')} ${text('message-id')})`;
}

/** The BODYSTRUCTURE of a message, or with `extended` false its BODY. */
export function structureText(part: MimePart, extended: boolean): string {
  const [type = '', subtype = ''] = part.mediaType.value.split('/');
  const content = part.content;
  if (content.kind === 'multipart') {
    const parts = content.parts.map((child) => structureText(child, extended)).join('');
    const extension = [parametersText(part.mediaType), dispositionText(part.disposition), 'NIL', 'NIL'];
    return `(${[`${parts} ${imapString(subtype)}`, ...(extended ? extension : [])].join(' ')})`;
  }
  const values = [
    // a multipart without readable parts is shown as the bytes it is
    ...(type === 'multipart' ? ['"application"', '"octet-stream"'] : [imapString(type), imapString(subtype)]),
    parametersText(part.mediaType),
    imapString(fieldValue(part.fields, 'content-id')),
    imapString(fieldValue(part.fields, 'content-description')),
    imapString(part.encoding),
    String(part.body.length),
  ];
  if (content.kind === 'message') {
    values.push(envelopeText(content.message.fields), structureText(content.message, extended));
  }
  if (content.kind === 'message' || type === 'text') values.push(String(linesIn(part.body)));
  if (extended) values.push('NIL', dispositionText(part.disposition), 'NIL', 'NIL');
  return `(${values.join(' ')})`;
}

function addressesText(fields: readonly HeaderField[], name: string): string {
  const value = fieldValue(fields, name);
  const addresses = value === undefined ? [] : readAddressList(value);
  return addresses.length === 0 ? 'NIL' : `(${addresses.map(addressText).join('')})`;
}

function addressText(address: HeaderAddress): string {
  return `(${imapString(address.name)} NIL ${imapString(address.mailbox)} ${imapString(address.host)})`;
}

function parametersText(token: HeaderToken): string {
  const pairs = [...token.parameters].map(([name, value]) => `${imapString(name)} ${imapString(value)}`);
  return pairs.length === 0 ? 'NIL' : `(${pairs.join(' ')})`;
}

function dispositionText(token: HeaderToken | undefined): string {
  return token ? `(${imapString(token.value)} ${parametersText(token)})` : 'NIL';
}

function linesIn(body: Buffer): number {
  let lines = 0;
  for (let at = body.indexOf(0x0a); at >= 0; at = body.indexOf(0x0a, at + 1)) lines += 1;
  return lines;
}
