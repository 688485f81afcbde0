import { expect, it } from 'vitest';
import type { LoginCredentials } from '../../../src/protocols/sasl/login-credentials.js';
import { encodePlain } from '../../../src/protocols/sasl/plain.js';
import { withholdCredentials } from '../../../src/protocols/sasl/withhold-credentials.js';

const password = { kind: 'password', user: 'ann', authorizationId: '', password: 'secret' } as const;
const message = 'user=ann\u0001auth=Bearer ya29.tok\u0001\u0001';
const token: LoginCredentials = { kind: 'token', mechanism: 'XOAUTH2', user: 'ann', message };

it('passes words that repeat no credential, on one line', () => {
  expect(withholdCredentials('no such user\tann', password)).toBe('no such user ann');
  expect(withholdCredentials('no such user ann', token)).toBe('no such user ann');
});

it.each([
  ['wrong password secret', password],
  [`unknown command AUTHENTICATE PLAIN ${encodePlain(password)}`, password],
  [`bad response ${Buffer.from('secret').toString('base64')}`, password],
  ['token ya29.tok has expired', token],
  [`bad response ${Buffer.from(message).toString('base64')}`, token],
] as const)('withholds words that repeat a credential: %s', (text, credentials) => {
  expect(withholdCredentials(text, credentials)).toBe(`(words that repeat the ${credentials.kind})`);
});
