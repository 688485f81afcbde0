import { Parser } from '@oclif/core';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failureText, toFailure } from '../../src/cli/failure.js';
import { wantsJson } from '../../src/cli/report-fault.js';
import { type ErrorKind, exitCodes, UsherError } from '../../src/errors.js';

describe('a failure', () => {
  test('of each kind has the exit code of the contract', () => {
    const codes = (Object.keys(exitCodes) as ErrorKind[]).map((kind) => {
      const { exitCode } = toFailure(new UsherError(kind, 'some-code', 'some message', ['a way']));
      return [kind, exitCode];
    });
    expect(Object.fromEntries(codes)).toStrictEqual({
      failed: 1,
      usage: 2,
      invalid: 2,
      missing: 3,
      conflict: 4,
      store: 5,
      unreachable: 6,
      no: 7,
      refused: 8,
    });
  });

  test('that nobody expected is a bug with exit code 1', () => {
    expect(toFailure(new TypeError('x is not a function'))).toStrictEqual({
      code: 'bug',
      message: 'x is not a function',
      suggestions: [],
      exitCode: 1,
    });
    expect(toFailure('thrown text')).toMatchObject({ code: 'bug', message: 'thrown text', exitCode: 1 });
    expect(toFailure(undefined)).toMatchObject({ code: 'bug', exitCode: 1 });
  });

  test('for people is the message and what to try', () => {
    const failure = toFailure(new UsherError('missing', 'not-found', 'there is no site "A"', ['B', 'C']));
    expect(failureText(failure)).toBe('error: there is no site "A"\n  try: B\n  try: C\n');
  });
});

const input = {
  args: { name: Args.string({ required: true, ignoreStdin: true, description: 'name of the thing' }) },
  flags: {
    to: Flags.string({ required: true }),
    limit: Flags.integer({ min: 1, max: 9 }),
    hub: Flags.boolean({ allowNo: true }),
    kind: Flags.string({ options: ['warm', 'cold'] }),
    now: Flags.boolean({ exclusive: ['limit'] }),
  },
};

test('whatever is typed, the parser ends in a value or in one line with exit code 2', async () => {
  const word = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.constantFrom(
      '--to',
      '--to=x',
      '--limit',
      '--limit=',
      '--hub',
      '--no-hub',
      '--kind',
      '--now',
      '5',
      'x',
      '--',
      '-',
      '--no',
      '\u001b[31m',
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 8 }), async (argv) => {
      const error: unknown = await Parser.parse(argv, input).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error === undefined) return;
      const failure = toFailure(error, Object.keys(input.flags));
      expect(failure).toMatchObject({ code: 'usage', exitCode: 2 });
      expect(failure.message).not.toMatch(/\n|See more help|^$/);
      expect(failure.message.length).toBeGreaterThan(5);
    }),
    { numRuns: 300 },
  );
});

test.each([
  [['site', 'list', '--json'], true],
  [['site', 'list'], false],
  [['site', 'show', '--', '--json'], false],
  [['--json', '--', 'x'], true],
])('%j wants JSON: %s', (argv, wanted) => {
  expect(wantsJson(argv)).toBe(wanted);
});
