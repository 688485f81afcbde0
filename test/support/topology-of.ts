import { composeObject } from '../../src/estate/compose-object.js';
import type { EstateObject } from '../../src/topology/catalogue/catalogue.js';
import { nouns } from '../../src/topology/catalogue/catalogue.js';
import { defaultObject } from '../../src/topology/default-object.js';
import type { Topology, TopologyObjects } from '../../src/topology/topology.js';
import { buildTopology } from '../../src/topology/topology.js';

/** The topology of an estate that need not be consistent: each object is completed, and nothing is checked across them. */
export function topologyOf(estate: Readonly<Record<string, unknown>>): Topology {
  const objects: Record<string, unknown> = {};
  for (const noun of nouns.filter((noun) => !noun.inDirectory)) {
    const section = estate[noun.section];
    const complete = (given: EstateObject): EstateObject => {
      const composed = composeObject(noun, undefined, given);
      if ('problems' in composed) throw new Error(`${noun.section}: ${JSON.stringify(composed.problems)}`);
      return composed.object;
    };
    if (noun.nameField === null)
      objects[noun.section] = section ? complete(section as EstateObject) : defaultObject(noun);
    else objects[noun.section] = ((section ?? []) as readonly EstateObject[]).map(complete);
  }
  return buildTopology(1, objects as unknown as TopologyObjects);
}
