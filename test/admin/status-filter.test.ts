import { describe, expect, test } from 'vitest';
import { statusFilter } from '../../src/admin/status-filter.js';

describe('a status filter', () => {
  test.each<[string, readonly (number | null)[]]>([
    ['500', [500]],
    ['5xx', [500, 503]],
    ['4XX, 500', [401, 451, 500]],
    ['none', [null]],
    ['none,2xx', [null, 200]],
  ])('%s', (text, fitting) => {
    const all = [null, 101, 200, 302, 401, 451, 500, 503];
    expect(all.filter(statusFilter('status', text))).toStrictEqual(fitting);
  });

  test.each(['', '5', '5x', '50x', '5000', '500,', '0xx', 'ok'])('refuses "%s"', (text) => {
    expect(() => statusFilter('status', text)).toThrow(/--status takes .*, found/);
  });
});
