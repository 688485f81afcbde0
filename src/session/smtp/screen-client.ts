import { createScreening } from '../../filtering/screening.js';
import type { Screening } from '../../topology/screening.js';
import type { Topology } from '../../topology/topology.js';

/** The filters as they see a client; lists on the network are not asked by this version. */
export function screenClient({ filters }: Topology, clientAddress: string, nowMs: number): Screening {
  const step = createScreening(filters, clientAddress, nowMs, null);
  if (step.kind === 'look-up') throw new Error('a provider was to be asked without answers');
  return step.screening;
}
