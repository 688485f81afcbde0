import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { acknowledgedKey, cancelledKey, mergeKey, transactionKey } from '../../../src/protocols/sip/transaction-key.js';
import { transactionTag } from '../../../src/protocols/sip/transaction-tag.js';
import { sipRequest } from './transaction-request.js';

const tagOf = (key: string): string => transactionTag('a secret of the process', key);
const invite = sipRequest();

describe('a branch with the cookie (RFC 3261 §17.2.3)', () => {
  test.each([
    ['a copy', {}, true],
    ['a copy by another Request-URI', { uri: 'sip:bob@192.0.2.4' }, true],
    ['the default port, said', { port: 5060 }, true],
    ['the host in capitals', { host: 'PC33.Atlanta.COM' }, true],
    ['another branch', { branch: 'z9hG4bKnashds9' }, false],
    ['a branch in capitals', { branch: 'z9hG4bKNASHDS8' }, false],
    ['another host', { host: 'pc34.atlanta.com' }, false],
    ['another port', { port: 5080 }, false],
    ['another method', { method: 'OPTIONS' }, false],
    ['a CANCEL', { method: 'CANCEL' }, false],
  ])('%s', (_, shape, equal) => {
    expect(transactionKey(sipRequest(shape)) === transactionKey(invite)).toBe(equal);
  });

  test('the port that is meant over TLS is 5061', () => {
    expect(transactionKey(sipRequest({ transport: 'TLS' }))).toBe(
      transactionKey(sipRequest({ transport: 'TLS', port: 5061 })),
    );
    expect(transactionKey(sipRequest({ transport: 'TLS' }))).not.toBe(transactionKey(invite));
  });

  test('an ACK matches the INVITE, whatever its To tag', () => {
    const ack = sipRequest({ method: 'ACK', toTag: 'anything' });
    expect(acknowledgedKey(ack, tagOf)).toBe(transactionKey(invite));
    expect(acknowledgedKey(sipRequest({ method: 'ACK', branch: 'z9hG4bKother' }), tagOf)).not.toBe(
      transactionKey(invite),
    );
  });

  test('a CANCEL matches the INVITE (RFC 3261 §9.2)', () => {
    expect(cancelledKey(sipRequest({ method: 'CANCEL' }))).toBe(transactionKey(invite));
    expect(cancelledKey(sipRequest({ method: 'CANCEL', branch: 'z9hG4bKother' }))).not.toBe(transactionKey(invite));
  });
});

describe.each([
  ['no branch', null],
  ['a branch without the cookie', '1'],
  // RFC 4475 §3.2.1
  ['the cookie with nothing behind it', 'z9hG4bK'],
])('%s: RFC 2543 senders', (_, branch) => {
  const old = sipRequest({ branch });

  test.each([
    ['a copy', {}, true],
    ['another Request-URI', { uri: 'sip:carol@biloxi.com' }, false],
    ['a To tag', { toTag: 'x' }, false],
    ['another From tag', { fromTag: 'x' }, false],
    ['another Call-ID', { callId: 'x' }, false],
    ['another CSeq', { cseq: 2 }, false],
    ['another method', { method: 'OPTIONS' }, false],
    ['another top Via', { host: 'pc34.atlanta.com' }, false],
  ])('%s', (_, shape, equal) => {
    expect(transactionKey(sipRequest({ branch, ...shape })) === transactionKey(old)).toBe(equal);
  });

  test('an ACK matches the INVITE when its To tag is that of our response', () => {
    const toTag = tagOf(transactionKey(old));
    expect(acknowledgedKey(sipRequest({ branch, method: 'ACK', toTag }), tagOf)).toBe(transactionKey(old));
    for (const wrong of ['somebody-else', null]) {
      const key = acknowledgedKey(sipRequest({ branch, method: 'ACK', toTag: wrong }), tagOf);
      expect(key === transactionKey(old)).toBe(wrong === null);
    }
  });

  test('an ACK of an INVITE inside a dialog has the tag of both', () => {
    const inside = sipRequest({ branch, toTag: 'dialog' });
    expect(acknowledgedKey(sipRequest({ branch, method: 'ACK', toTag: 'dialog' }), tagOf)).toBe(transactionKey(inside));
  });

  test('a CANCEL matches the INVITE', () => {
    expect(cancelledKey(sipRequest({ branch, method: 'CANCEL' }))).toBe(transactionKey(old));
    expect(cancelledKey(sipRequest({ branch, method: 'CANCEL', cseq: 2 }))).not.toBe(transactionKey(old));
  });
});

test('requests that differ in anything that counts have different keys, however they are cut', () => {
  const part = fc.stringMatching(/^[a-z0-9:;=. ]{0,6}$/);
  const shape = fc.record({ branch: part, host: part, callId: part, fromTag: part, uri: part });
  fc.assert(
    fc.property(shape, shape, (one, other) => {
      const alike = JSON.stringify(one) === JSON.stringify(other);
      expect(transactionKey(sipRequest(one)) === transactionKey(sipRequest(other))).toBe(alike);
    }),
    { numRuns: 500 },
  );
});

test('no key is longer than 160 characters, whatever was sent', () => {
  const long = 'x'.repeat(10_000);
  for (const shape of [
    { branch: `z9hG4bK${long}` },
    { branch: null, callId: long },
    { host: long },
    { method: long },
  ]) {
    expect(transactionKey(sipRequest(shape)).length).toBeLessThanOrEqual(160);
    expect(transactionKey(sipRequest(shape))).toBe(transactionKey(sipRequest(shape)));
  }
  expect(transactionKey(sipRequest({ branch: `z9hG4bK${long}1` }))).not.toBe(
    transactionKey(sipRequest({ branch: `z9hG4bK${long}2` })),
  );
  expect(mergeKey(sipRequest({ callId: long }))?.length).toBeLessThanOrEqual(160);
});

describe('merged requests (RFC 3261 §8.2.2.2)', () => {
  test('the same request on another way: another transaction, the same merge key', () => {
    const other = sipRequest({ branch: 'z9hG4bKother', host: 'proxy2.example.com', uri: 'sip:bob@192.0.2.4' });
    expect(transactionKey(other)).not.toBe(transactionKey(invite));
    expect(mergeKey(other)).toBe(mergeKey(invite));
  });

  test.each([
    ['another From tag', { fromTag: 'x' }],
    ['another Call-ID', { callId: 'x' }],
    ['another CSeq', { cseq: 2 }],
    ['another method', { method: 'OPTIONS' }],
  ])('%s is another request', (_, shape) => {
    expect(mergeKey(sipRequest(shape))).not.toBe(mergeKey(invite));
  });

  test.each([
    ['inside a dialog', { toTag: 'x' }],
    ['no From tag', { fromTag: null }],
    ['ACK', { method: 'ACK' }],
    ['CANCEL', { method: 'CANCEL' }],
  ])('%s: never merged', (_, shape) => {
    expect(mergeKey(sipRequest(shape))).toBeNull();
  });
});

test('a To tag is the same for the same request and secret, and a token', () => {
  const key = transactionKey(invite);
  expect(transactionTag('one', key)).toBe(transactionTag('one', key));
  expect(transactionTag('two', key)).not.toBe(transactionTag('one', key));
  expect(transactionTag('one', transactionKey(sipRequest({ branch: 'z9hG4bK2' })))).not.toBe(
    transactionTag('one', key),
  );
  expect(transactionTag('one', key)).toMatch(/^[0-9a-f]{24}$/);
});
