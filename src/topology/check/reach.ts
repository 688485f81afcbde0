import type { Site } from '../catalogue/catalogue.js';
import { compareNames, nameKey } from '../names.js';
import type { Topology } from '../topology.js';

/** The sites in groups that links connect, by name within a group; the largest group first. */
export function connectedSites(topology: Topology): Site[][] {
  const seen = new Set<string>();
  const groups: Site[][] = [];
  for (const start of topology.sites) {
    if (seen.has(nameKey(start.name))) continue;
    seen.add(nameKey(start.name));
    const group = [start];
    for (const site of group) {
      for (const { to } of topology.linksOf(site.name)) {
        if (seen.has(nameKey(to.name))) continue;
        seen.add(nameKey(to.name));
        group.push(to);
      }
    }
    groups.push(group.sort((a, b) => compareNames(a.name, b.name)));
  }
  return groups.sort((a, b) => b.length - a.length || compareNames(a[0]?.name ?? '', b[0]?.name ?? ''));
}

/** `A, B, C and 4 more`. */
export function namesText(objects: ReadonlyArray<{ readonly name: string }>, shownMax = 5): string {
  const shown = objects.slice(0, shownMax).map(({ name }) => name);
  const more = objects.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
