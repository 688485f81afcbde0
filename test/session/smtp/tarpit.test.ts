import { expect, test } from 'vitest';
import type { Standing } from '../../../src/routing/mail-session.js';
import { tarpitMs } from '../../../src/session/smtp/tarpit.js';

test.each<[Standing, number, number, number]>([
  ['anonymous', 5000, 550, 5000],
  ['partner', 5000, 550, 5000],
  ['anonymous', 5000, 535, 5000],
  ['anonymous', 5000, 452, 0],
  ['anonymous', 5000, 250, 0],
  ['anonymous', 0, 550, 0],
  ['user', 5000, 550, 0],
  ['server', 5000, 550, 0],
])('%s, tarpit of %i ms, reply %i: %i ms', (standing, tarpit, code, expected) => {
  expect(tarpitMs({ tarpit }, standing, { code, enhanced: null, text: '' })).toBe(expected);
});
