import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commonCapabilities, doorCapabilities } from '../../src/health/door-capabilities.js';

describe('what all servers can do', () => {
  test.each([
    ['imap', [], null],
    ['imap', [['IDLE', 'MOVE']], ['IDLE', 'MOVE']],
    [
      'imap',
      [
        ['IMAP4rev1', 'IDLE', 'MOVE'],
        ['idle', 'IMAP4REV1'],
      ],
      ['IMAP4rev1', 'IDLE'],
    ],
    ['imap', [['AUTH=PLAIN', 'AUTH=XOAUTH2'], ['AUTH=PLAIN']], ['AUTH=PLAIN']],
    [
      'imap',
      [
        ['IDLE', 'LITERAL+'],
        ['LITERAL-', 'IDLE'],
      ],
      ['IDLE', 'LITERAL-'],
    ],
    ['imap', [['IDLE'], []], []],
    [
      'pop',
      [
        ['TOP', 'UIDL', 'EXPIRE 60'],
        ['UIDL', 'EXPIRE NEVER', 'top'],
      ],
      ['TOP', 'UIDL'],
    ],
    [
      'pop',
      [
        ['TOP', 'SASL PLAIN XOAUTH2 LOGIN'],
        ['SASL LOGIN PLAIN', 'TOP'],
      ],
      ['TOP', 'SASL PLAIN LOGIN'],
    ],
    ['pop', [['SASL PLAIN'], ['UIDL']], []],
  ] as const)('%s %j: %j', (protocol, answers, expected) => {
    expect(commonCapabilities(protocol, answers)).toEqual(expected);
  });

  test('is something each of them can do', () => {
    const answer = fc.array(fc.constantFrom('IDLE', 'MOVE', 'ID', 'AUTH=PLAIN', 'UIDPLUS', 'idle'), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(answer, { minLength: 1, maxLength: 4 }), (answers) => {
        for (const name of commonCapabilities('imap', answers) ?? []) {
          for (const one of answers) expect(one.map((line) => line.toUpperCase())).toContain(name.toUpperCase());
        }
      }),
    );
  });
});

describe('what a door announces', () => {
  test('leaves out what it decides itself, and offers tokens only where all servers take them', () => {
    const imap = ['IMAP4REV1', 'IDLE', 'STARTTLS', 'LOGINDISABLED', 'AUTH=PLAIN', 'AUTH=CRAM-MD5', 'AUTH=XOAUTH2'];
    expect(doorCapabilities('imap', imap)).toEqual({
      mechanisms: ['PLAIN', 'LOGIN', 'XOAUTH2'],
      announced: ['IMAP4REV1', 'IDLE'],
    });
    const pop = ['TOP', 'USER', 'STLS', 'SASL PLAIN OAUTHBEARER', 'XCLIENT', 'IMPLEMENTATION X 1', 'EXPIRE NEVER'];
    expect(doorCapabilities('pop', pop)).toEqual({
      mechanisms: ['PLAIN', 'LOGIN', 'OAUTHBEARER'],
      announced: ['TOP', 'EXPIRE NEVER'],
    });
  });

  test('is worked out once for a list', () => {
    const list = ['IDLE'];
    expect(doorCapabilities('imap', list)).toBe(doorCapabilities('imap', list));
  });

  test('is everything it can pass on while nothing is known', () => {
    expect(doorCapabilities('pop', null)).toEqual({
      mechanisms: ['PLAIN', 'LOGIN', 'OAUTHBEARER', 'XOAUTH2'],
      announced: null,
    });
  });
});
