import { hostname } from 'node:os';
import { downServers } from '../routing/availability.js';
import { routeCall } from '../routing/route-call.js';
import { chooseFrontEnd, requireServers } from '../topology/choose-front-end.js';
import { isAddress } from '../topology/ranges.js';
import { type Answer, badFlag, type Estate, type PlaceOfQuestion } from './test-routing.js';

/** What `test routing call` was asked. */
export interface CallFlags extends PlaceOfQuestion {
  readonly to: string;
  readonly diversion?: string | undefined;
  readonly fromIp?: string | undefined;
  readonly tls: boolean;
}

/** Where a call would be redirected to. */
export function testCallRouting({ topology, directory }: Estate, flags: CallFlags): Answer {
  if (flags.fromIp !== undefined && !isAddress(flags.fromIp)) throw badFlag('from-ip', flags.fromIp, 'an IP address');
  requireServers(topology, flags.down);
  const decision = routeCall({
    topology,
    directory,
    frontEnd: chooseFrontEnd(topology, flags.on, hostname()),
    availability: downServers(flags.down),
    to: flags.to,
    diversion: flags.diversion ?? null,
    peer: { address: flags.fromIp ?? null, certificateNames: [] },
    tls: flags.tls,
  });
  return { revision: topology.revision, ...decision };
}
