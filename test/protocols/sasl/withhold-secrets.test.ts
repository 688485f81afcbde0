import { expect, it } from 'vitest';
import { encodePlain } from '../../../src/protocols/sasl/plain.js';
import { withholdSecrets } from '../../../src/protocols/sasl/withhold-secrets.js';

const credentials = { user: 'ann', authorizationId: '', password: 'secret' };

it('passes words that repeat no password, on one line', () => {
  expect(withholdSecrets('no such user\tann', credentials)).toBe('no such user ann');
});

it.each(['wrong password secret', `unknown command AUTHENTICATE PLAIN ${encodePlain(credentials)}`])(
  'withholds words that repeat the password: %s',
  (text) => {
    expect(withholdSecrets(text, credentials)).toBe('(words that repeat the password)');
  },
);
