import { expect, test } from 'vitest';
import { allUp } from '../../../src/routing/availability.js';
import { routeCall } from '../../../src/routing/route-call.js';
import { topologyOf } from '../../support/topology-of.js';
import { directory, usualEstate } from './call-stage.js';

test.each([
  ['sip:5101@cas1', false, 302],
  ['sip:5101@cas1', true, 302],
  ['sip:5000@cas1', true, 488],
  ['sip:6000@cas1', false, 488],
])('a gateway with a plan in the clear and one with TLS calls %s, TLS %s: %i', (to, tls, code) => {
  const topology = topologyOf({
    ...usualEstate,
    huntGroups: [
      { name: 'HG1', gateway: 'GW1', dialPlan: 'DP1', pilot: '5000' },
      { name: 'HG2', gateway: 'GW1', dialPlan: 'DP2', pilot: '6000' },
    ],
  });
  const frontEnd = topology.server('CAS1');
  if (frontEnd === undefined) throw new Error('no front end');
  const peer = { address: '127.0.0.1', certificateNames: [] };
  const question = { topology, directory, frontEnd, availability: allUp, diversion: null };
  expect(routeCall({ ...question, to, tls, peer }).reply?.code).toBe(code);
});
