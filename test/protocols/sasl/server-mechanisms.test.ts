import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SaslMechanism } from '../../../src/protocols/sasl/login-credentials.js';
import { beginMechanism, type MechanismStep } from '../../../src/protocols/sasl/server-mechanisms.js';

const b64 = (text: string): string => Buffer.from(text).toString('base64');

function respond(step: MechanismStep, response: string): MechanismStep {
  if (step.kind !== 'challenge') throw new Error(`a challenge was expected, not ${step.kind}`);
  return step.respond(response);
}

const password = (user: string, secret: string, authorizationId = ''): MechanismStep => ({
  kind: 'credentials',
  credentials: { kind: 'password', user, authorizationId, password: secret },
});

describe('PLAIN', () => {
  test('with an initial response', () => {
    expect(beginMechanism('PLAIN', b64('\0ann\0secret'))).toEqual(password('ann', 'secret'));
    expect(beginMechanism('PLAIN', b64('eve\0ann\0secret'))).toEqual(password('ann', 'secret', 'eve'));
    expect(beginMechanism('PLAIN', b64('\0jörg\0sëcret '))).toEqual(password('jörg', 'sëcret '));
  });

  test('with an empty challenge', () => {
    const step = beginMechanism('PLAIN', null);
    expect(step).toMatchObject({ kind: 'challenge', text: '' });
    expect(respond(step, b64('\0ann\0secret'))).toEqual(password('ann', 'secret'));
  });

  test.each([
    ['', 'three parts'],
    ['*', 'base64'],
    ['AGFubgBzZWNyZXQ', 'base64'],
    ['AGFubgBzZWNyZXR=', 'base64'],
    ['AGFub gBzZWNyZXQ=', 'base64'],
    ['-_-_', 'base64'],
    [Buffer.from('\0ann\0\xff', 'latin1').toString('base64'), 'UTF-8'],
    [b64('ann\0secret'), 'three parts'],
    [b64('\0ann\0sec\0ret'), 'three parts'],
    [b64('\0\0secret'), 'user name is empty'],
    [b64('\0ann\0'), 'password is empty'],
    [b64('\0a\nnn\0secret'), 'control'],
    [b64('\0ann\0sec\r\nret'), 'control'],
    [b64(`\0ann\0${'x'.repeat(20_000)}`), 'too long'],
  ])('%j is malformed: %s', (response, reason) => {
    expect(beginMechanism('PLAIN', response)).toEqual({ kind: 'malformed', reason: expect.stringContaining(reason) });
  });
});

describe('LOGIN', () => {
  test('two challenges', () => {
    const first = beginMechanism('LOGIN', null);
    expect(first).toMatchObject({ text: 'VXNlcm5hbWU6' });
    const second = respond(first, b64('ann@contoso.com'));
    expect(second).toMatchObject({ text: 'UGFzc3dvcmQ6' });
    expect(respond(second, b64('sec ret'))).toEqual(password('ann@contoso.com', 'sec ret'));
  });

  test('the initial response is the user name', () => {
    expect(respond(beginMechanism('LOGIN', b64('ann')), b64('secret'))).toEqual(password('ann', 'secret'));
  });

  test.each([
    ['a!', b64('secret'), 'base64'],
    [b64(''), b64('secret'), 'user name is empty'],
    [b64('ann'), '', 'password is empty'],
    [b64('ann'), '====', 'base64'],
    [b64('an\u0000n'), b64('secret'), 'control'],
    [b64('ann'), b64('sec\nret'), 'control'],
    [b64('x'.repeat(20_000)), b64('secret'), 'too long'],
  ])('user %j and password %j are malformed', (user, secret, reason) => {
    const second = beginMechanism('LOGIN', user);
    const end = second.kind === 'challenge' ? second.respond(secret) : second;
    expect(end).toEqual({ kind: 'malformed', reason: expect.stringContaining(reason) });
  });
});

const token = (mechanism: 'XOAUTH2' | 'OAUTHBEARER', user: string, message: string): MechanismStep => ({
  kind: 'credentials',
  credentials: { kind: 'token', mechanism, user, message },
});

describe('XOAUTH2', () => {
  const message = 'user=ann@contoso.com\u0001auth=Bearer ya29.a0-_~+/x==\u0001\u0001';

  test('the message is kept whole', () => {
    expect(beginMechanism('XOAUTH2', b64(message))).toEqual(token('XOAUTH2', 'ann@contoso.com', message));
    const step = beginMechanism('XOAUTH2', null);
    expect(step).toMatchObject({ kind: 'challenge', text: '' });
    expect(respond(step, b64(message))).toEqual(token('XOAUTH2', 'ann@contoso.com', message));
  });

  test.each([
    '',
    'user=ann\u0001auth=Bearer x\u0001',
    'user=ann\u0001auth=Basic x\u0001\u0001',
    'user=ann\u0001auth=Bearer \u0001\u0001',
    'user=ann\u0001auth=Bearer a b\u0001\u0001',
    'user=\u0001auth=Bearer x\u0001\u0001',
    'auth=Bearer x\u0001\u0001',
    'user=ann\u0001\u0001',
    'user=ann\u0001user=eve\u0001auth=Bearer x\u0001\u0001',
    'user=ann\u0001auth=Bearer x\u0001extra=1\u0001\u0001',
    'user=an\nn\u0001auth=Bearer x\u0001\u0001',
    'user=an\u0000n\u0001auth=Bearer x\u0001\u0001',
    'user=ann\u0001\u0001auth=Bearer x\u0001\u0001',
  ])('%j is malformed', (text) => {
    expect(beginMechanism('XOAUTH2', b64(text)).kind).toBe('malformed');
  });
});

describe('OAUTHBEARER', () => {
  test.each([
    ['n,a=ann@contoso.com,\u0001host=mx\u0001port=587\u0001auth=Bearer x.y-z\u0001\u0001', 'ann@contoso.com'],
    ['n,a=a=2Cb=3Dc,\u0001auth=bearer x\u0001\u0001', 'a,b=c'],
    ['y,,\u0001auth=Bearer x\u0001\u0001', ''],
    ['n,a=jörg,\u0001auth=Bearer x\u0001\u0001', 'jörg'],
  ])('%j names %j', (message, user) => {
    expect(beginMechanism('OAUTHBEARER', b64(message))).toEqual(token('OAUTHBEARER', user, message));
  });

  test.each([
    '',
    'n,,\u0001\u0001',
    'n,\u0001auth=Bearer x\u0001\u0001',
    'a=ann,\u0001auth=Bearer x\u0001\u0001',
    'p=tls-unique,a=ann,\u0001auth=Bearer x\u0001\u0001',
    'n,a=,\u0001auth=Bearer x\u0001\u0001',
    'n,a=a=b,\u0001auth=Bearer x\u0001\u0001',
    'n,a=ann,\u0001auth=\u0001\u0001',
    'n,a=ann,\u0001auth=Bearer x\u0001auth=Bearer y\u0001\u0001',
    'n,a=ann,\u0001auth=Bearer x',
    'n,a=ann,\u0001auth=Bearer x\r\u0001\u0001',
  ])('%j is malformed', (text) => {
    expect(beginMechanism('OAUTHBEARER', b64(text)).kind).toBe('malformed');
  });
});

test('no response makes a mechanism throw or go on for ever', () => {
  const name = fc.constantFrom<SaslMechanism>('PLAIN', 'LOGIN', 'XOAUTH2', 'OAUTHBEARER');
  const response = fc.oneof(fc.string({ unit: 'binary' }), fc.base64String(), fc.string().map(b64));
  fc.assert(
    fc.property(name, fc.option(response), response, response, (mechanism, initial, second, third) => {
      let step = beginMechanism(mechanism, initial);
      for (const text of [second, third]) if (step.kind === 'challenge') step = step.respond(text);
      expect(step.kind).not.toBe('challenge');
    }),
  );
});
