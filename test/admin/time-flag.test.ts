import { describe, expect, test } from 'vitest';
import { timeFlag } from '../../src/admin/time-flag.js';
import { refusal } from '../support/refusal.js';

const nowMs = Date.parse('2026-11-22T10:00:00Z');

describe('a time on the command line', () => {
  test.each([
    ['7d', 'future', '2026-11-29T10:00:00.000Z'],
    ['90m', 'past', '2026-11-22T08:30:00.000Z'],
    ['0', 'past', '2026-11-22T10:00:00.000Z'],
    ['2026-12-31', 'past', '2026-12-31T00:00:00.000Z'],
    ['2026-12-31T12:00:00+02:00', 'future', '2026-12-31T10:00:00.000Z'],
  ] as const)('%s in the %s is %s', (text, direction, expected) => {
    expect(new Date(timeFlag('since', text, nowMs, direction)).toISOString()).toBe(expected);
  });

  test.each(['', 'soon', '7', '2026', '2026-13-01', '9999999999d', '-7d'])('%j is none', (text) => {
    expect(refusal(() => timeFlag('since', text, nowMs, 'past'))).toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/^--since takes a time \(2026-.*\) or a duration back from now .*found /),
    });
  });
});
