import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { httpTargets, splicedDialogues } from './http-targets.js';
import { Random } from './random.js';

test.each(httpTargets)(
  '$name with one odd byte or line are taken as Node takes them, or refused',
  { timeout: 60_000 },
  (target) => {
    const dialogues = splicedDialogues(target.name === 'http requests' ? 'C' : 'S');
    expect(dialogues.length).toBeGreaterThan(1000);
    const random = new Random(2);
    for (const dialogue of dialogues) {
      const whole = Buffer.concat(dialogue);
      try {
        target.play([whole], random, () => undefined);
      } catch (error) {
        throw new Error(`with ${JSON.stringify(whole.toString('latin1'))}`, { cause: error });
      }
    }
  },
);
