import fc from 'fast-check';
import { parsePolicy, validateMx } from 'mailauth/lib/mta-sts.js';
import { describe, expect, test } from 'vitest';
import { listsExchanger, readStsPolicy } from '../../../src/session/outbound/mta-sts-policy.js';

const good = 'version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 600\n';

describe('a policy file', () => {
  const readable: ReadonlyArray<readonly [what: string, text: string, read: unknown]> = [
    ['as in the RFC', good, { mode: 'enforce', maxAgeMs: 600_000 }],
    ['with CRLF and no last line end', good.replaceAll('\n', '\r\n').trimEnd(), { mode: 'enforce' }],
    ['in another order, with spaces', 'max_age : 1 \nmx:mx.a.test\nmode:TESTING\nVersion:\tSTSv1', { mode: 'testing' }],
    ['with fields nobody knows', `${good}x: y\n`, { mode: 'enforce' }],
    ['the first of two modes', `${good}mode: none\n`, { mode: 'enforce' }],
    ['the first of two ages', `${good}max_age: 1\n`, { maxAgeMs: 600_000 }],
    ['none without exchangers', 'version: STSv1\nmode: none\nmax_age: 0', { mode: 'none', maxAgeMs: 0 }],
    ['the longest age', good.replace('600', '31557600'), { maxAgeMs: 31_557_600_000 }],
  ];
  test.each(readable)('%s', (_, text, read) => {
    expect(readStsPolicy(text)).toMatchObject({ kind: 'policy', ...(read as object) });
  });

  const unreadable: ReadonlyArray<readonly [what: string, text: string, reason: RegExp]> = [
    ['nothing', '', /version/],
    ['a page', '<!doctype html><title>version: STSv1</title>', /version/],
    ['another version', good.replace('STSv1', 'STSv2'), /version/],
    ['no mode', good.replace('mode: enforce\n', ''), /mode/],
    ['another mode', good.replace('enforce', 'report'), /mode/],
    ['no age', good.replace('max_age: 600', ''), /max_age/],
    ['an empty age', good.replace('600', ''), /max_age/],
    ['a negative age', good.replace('600', '-1'), /max_age/],
    ['an age that is no number', good.replace('600', '1e3'), /max_age/],
    ['too long an age', good.replace('600', '31557601'), /max_age/],
    ['no exchanger', good.replace('mx: mx.a.test\n', ''), /exchanger/],
    ['an exchanger that is none', good.replace('mx.a.test', '*'), /exchanger/],
    ['too many exchangers', good + Array.from({ length: 1000 }, (_, i) => `mx: m${i}\n`).join(''), /more than 1000/],
  ];
  test.each(unreadable)('%s cannot be used', (_, text, reason) => {
    expect(readStsPolicy(text)).toEqual({ kind: 'invalid', reason: expect.stringMatching(reason) });
  });
});

describe('the exchangers of a policy', () => {
  const cases: ReadonlyArray<readonly [pattern: string, exchanger: string, fits: boolean]> = [
    ['mx.a.test', 'mx.a.test', true],
    ['MX.A.test', 'mx.a.TEST.', true],
    ['mx.a.test', 'mx2.a.test', false],
    ['mx.a.test', 'x.mx.a.test', false],
    ['*.a.test', 'mx.a.test', true],
    ['*.a.test', 'a.test', false],
    ['*.a.test', 'mx.b.a.test', false],
    ['*.a.test', '.a.test', false],
    ['*.a.test', 'mxa.test', false],
    ['*.a.test', '*.a.test', false],
    ['bücher.test', 'xn--bcher-kva.test', true],
    ['mx.a.test', '', false],
  ];
  test.each(cases)('%s and %s: %s', (pattern, exchanger, fits) => {
    const read = readStsPolicy(`version: STSv1\nmode: enforce\nmax_age: 1\nmx: other.test\nmx: ${pattern}`);
    expect(read.kind === 'policy' && listsExchanger(read.exchangers, exchanger)).toBe(fits);
  });
});

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const name = fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join('.'));
const pattern = fc.tuple(fc.boolean(), name).map(([isWildcard, name]) => (isWildcard ? `*.${name}` : name));

test('another reader says the same of well-formed policies, but for wildcards over several labels', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('enforce', 'testing', 'none'),
      fc.integer({ min: 0, max: 31_557_600 }),
      fc.uniqueArray(pattern, { minLength: 1, maxLength: 8 }),
      name,
      fc.constantFrom('\n', '\r\n'),
      (mode, maxAge, patterns, other, lineEnd) => {
        const lines = [
          'version: STSv1',
          `mode: ${mode}`,
          ...patterns.map((each) => `mx: ${each}`),
          `max_age: ${maxAge}`,
        ];
        const text = lines.join(lineEnd);
        const theirs = parsePolicy(text);
        const ours = readStsPolicy(text);
        if (ours.kind === 'invalid') throw new Error(ours.reason);
        expect([ours.mode, ours.maxAgeMs]).toEqual([theirs.mode, maxAge * 1000]);
        for (const exchanger of [other, ...patterns.map((each) => each.replace('*', 'mx'))]) {
          const says = listsExchanger(ours.exchangers, exchanger);
          if (says || mode === 'none') expect(validateMx(exchanger, theirs).valid).toBe(true);
          else if (!patterns.some((each) => each.startsWith('*.') && exchanger.endsWith(each.slice(1))))
            expect(validateMx(exchanger, theirs).valid).toBe(false);
        }
      },
    ),
    { numRuns: 100 },
  );
});

test('any text is read without a fault', () => {
  const bytes = fc.uint8Array({ maxLength: 50 }).map((given) => Buffer.from(given).toString());
  const field = fc.tuple(fc.constantFrom('version', 'mode', 'mx', 'max_age', 'x'), fc.string({ maxLength: 20 }));
  const lines = fc.array(field, { maxLength: 20 }).map((fields) => fields.map((pair) => pair.join(':')).join('\n'));
  fc.assert(
    fc.property(fc.oneof(bytes, lines), (text) => {
      expect(['policy', 'invalid']).toContain(readStsPolicy(text).kind);
    }),
  );
});

test('the time it takes grows with the length only', () => {
  const text = good + Array.from({ length: 200_000 }, (_, i) => `mx:${i.toString(36)}\n`).join('');
  const begunAt = performance.now();
  expect(readStsPolicy(text)).toMatchObject({ kind: 'invalid' });
  expect(performance.now() - begunAt).toBeLessThan(3000);
});
