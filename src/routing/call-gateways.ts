import type { DialPlan, Gateway, HuntGroup } from '../topology/catalogue/catalogue.js';
import { compareNames, nameKey } from '../topology/names.js';
import { canonicalAddress } from '../topology/ranges.js';
import type { Topology } from '../topology/topology.js';

/** Who calls, as far as it is known for sure. */
export interface CallPeer {
  /** Null: any gateway. */
  readonly address: string | null;
  /** Names of the certificate that was shown and checked, in lower case. */
  readonly certificateNames: readonly string[];
}

/** A hunt group of a gateway with its dial plan. */
export interface HuntLine {
  readonly group: HuntGroup;
  readonly plan: DialPlan;
}

interface CallIndex {
  readonly gateways: readonly Gateway[];
  /** By the name or address that the estate gives, in lower case. */
  readonly byHost: ReadonlyMap<string, readonly Gateway[]>;
  /** Of each gateway, by its key, in the order of the groups' names. */
  readonly lines: ReadonlyMap<string, readonly HuntLine[]>;
}

const indexes = new WeakMap<Topology, CallIndex>();

/** The gateways that a peer is, by address or by certificate, those switched off too; in the order of their names. */
export function gatewaysOf(topology: Topology, { address, certificateNames }: CallPeer): readonly Gateway[] {
  const { gateways, byHost } = indexOf(topology);
  if (address === null) return gateways;
  const here = topology.gatewaysAt(canonicalAddress(address));
  if (certificateNames.length === 0) return here;
  const shown = certificateNames.flatMap((name) => byHost.get(name) ?? []);
  return [...new Set([...here, ...shown])].sort((a, b) => compareNames(a.name, b.name));
}

/** The lines of gateways, those of enabled ones only; in the order of the hunt groups' names. */
export function linesOf(topology: Topology, gateways: readonly Gateway[]): readonly HuntLine[] {
  const { lines } = indexOf(topology);
  const active = gateways.filter(({ enabled }) => enabled).map(({ name }) => lines.get(nameKey(name)) ?? []);
  const [only] = active;
  if (active.length === 1 && only !== undefined) return only;
  return active.flat().sort((a, b) => compareNames(a.group.name, b.group.name));
}

function indexOf(topology: Topology): CallIndex {
  const known = indexes.get(topology);
  if (known !== undefined) return known;
  const gateways = topology.callGateways.toSorted((a, b) => compareNames(a.name, b.name));
  const plans = new Map(topology.dialPlans.map((plan) => [nameKey(plan.name), plan]));
  const lines = new Map<string, HuntLine[]>();
  for (const group of topology.huntGroups.toSorted((a, b) => compareNames(a.name, b.name))) {
    const plan = plans.get(nameKey(group.dialPlan));
    const key = nameKey(group.gateway);
    if (plan !== undefined) lines.set(key, [...(lines.get(key) ?? []), { group, plan }]);
  }
  const byHost = new Map<string, Gateway[]>();
  for (const gateway of gateways) {
    const key = gateway.address.toLowerCase();
    byHost.set(key, [...(byHost.get(key) ?? []), gateway]);
  }
  const index = { gateways, byHost, lines };
  indexes.set(topology, index);
  return index;
}
