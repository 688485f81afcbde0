import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { oneLine } from '../../../src/protocols/lines/one-line.js';

it('leaves ordinary text as it is', () => {
  expect(oneLine('Grüße, [ALERT] 100 %')).toBe('Grüße, [ALERT] 100 %');
});

it('never lets a control character through, and ends at the limit', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(oneLine(text, 20)).not.toMatch(/[\u0000-\u001f\u007f]/);
      expect(oneLine(text, 20).length).toBeLessThanOrEqual(20);
    }),
  );
});
