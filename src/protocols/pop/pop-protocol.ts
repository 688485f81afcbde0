import { Buffer } from 'node:buffer';
import type { LoginProtocol } from '../sasl/login-protocol.js';
import { PopClientDialogue } from './client-dialogue.js';
import { popRefusalWords } from './failure-replies.js';
import { PopServerDialogue } from './server-dialogue.js';

/** POP3 up to the login (RFC 1939, 2449, 2595). */
export const popProtocol: LoginProtocol = {
  name: 'pop',
  createClientDialogue: (options) => new PopClientDialogue(options),
  createServerDialogue: (options) => new PopServerDialogue(options),
  refuseConnection: (kind) => Buffer.from(`-ERR ${popRefusalWords(kind)}\r\n`),
};
