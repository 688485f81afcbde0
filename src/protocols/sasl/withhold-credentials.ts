import { Buffer } from 'node:buffer';
import { oneLine } from '../lines/one-line.js';
import type { LoginCredentials } from './login-credentials.js';
import { encodePlain } from './plain.js';

/** A server's words for a log or a client, on one line; replaced as a whole when they repeat a password or token. */
export function withholdCredentials(text: string, credentials: LoginCredentials): string {
  const repeats = secretsOf(credentials).some((secret) => text.includes(secret));
  return repeats ? `(words that repeat the ${credentials.kind})` : oneLine(text);
}

function secretsOf(credentials: LoginCredentials): readonly string[] {
  switch (credentials.kind) {
    case 'password':
      return [credentials.password, base64(credentials.password), encodePlain(credentials)];
    case 'token': {
      const { message } = credentials;
      return [message, base64(message), /auth=Bearer +([^\u0001]+)/i.exec(message)?.[1] ?? message];
    }
  }
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
