import { expect, test } from 'vitest';
import { reachOf } from '../../../src/routing/mail-exchangers.js';

test.each([
  '240.0.0.1',
  '254.1.2.3',
  '198.18.0.1',
  '198.19.255.255',
  '192.0.0.8',
  '::ffff:240.0.0.1',
  '64:ff9b::f000:1',
  '2002:c612:1::1',
  '2001:2::1',
  '5f00::1',
  '2001:10::1',
])('%s is no address of the Internet, though networks use it inside', (address) => {
  expect(reachOf(address)).toBe('private');
});

test.each(['198.17.255.255', '198.20.0.1', '192.0.1.1', '239.255.255.255', '2001:4860::1'])(
  '%s is told as before',
  (address) => {
    expect(reachOf(address)).toBe(address.startsWith('239') ? 'none' : 'public');
  },
);
