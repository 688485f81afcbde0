import { Buffer } from 'node:buffer';
import type { LoginProtocol } from '../sasl/login-protocol.js';
import { ImapClientDialogue } from './client-dialogue.js';
import { imapRefusalWords } from './failure-replies.js';
import { ImapServerDialogue } from './server-dialogue.js';

/** IMAP4rev1 and IMAP4rev2 up to the login (RFC 3501, 9051). */
export const imapProtocol: LoginProtocol = {
  name: 'imap',
  createClientDialogue: (options) => new ImapClientDialogue(options),
  createServerDialogue: (options) => new ImapServerDialogue(options),
  refuseConnection: (kind) => Buffer.from(`* BYE ${imapRefusalWords(kind)}\r\n`),
};
