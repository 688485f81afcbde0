import type { Server } from '../../../src/topology/catalogue/catalogue.js';
import type { Asked } from './oracle-question.js';
import type { OracleRecipient } from './oracle-recipients.js';
import { addresseeOf } from './oracle-recipients.js';
import type { SimplePath } from './simple-paths.js';
import { bestPaths, comparePreference, lower, orderOf } from './simple-paths.js';

/** Whom to try, set after set, before anybody is left out. `path` null: not by the links. */
export interface OraclePlan {
  readonly group: { readonly kind: string; readonly name: string } | null;
  /** Every link of it must be wide enough. */
  readonly way: SimplePath | undefined;
  readonly sets: ReadonlyArray<{ readonly servers: readonly string[]; readonly path: SimplePath | undefined }>;
}

export interface Group {
  readonly kind: 'dag' | 'mailbox' | 'server-list' | 'connector';
  readonly name: string;
  readonly members: readonly Server[];
}

export const same = (a: string | null, b: string | null): boolean => a !== null && b !== null && lower(a) === lower(b);

/** Whether a server's part is switched on by everybody who has a say. */
export function isOn(server: Server, component: string): boolean {
  return server.components.every(
    (entry) => (entry.component !== component && entry.component !== 'server-wide') || entry.state === 'active',
  );
}

/** The estate as seen from one front end. */
export class OracleView {
  readonly asked: Asked;
  readonly here: string;
  readonly paths: readonly SimplePath[];

  constructor(asked: Asked) {
    this.asked = asked;
    this.here = asked.estate.objects.servers.find((server) => same(server.name, asked.question.frontEnd))?.site ?? '';
    this.paths = bestPaths(asked.estate.objects, this.here);
  }

  get mailboxServers(): Server[] {
    return this.asked.estate.objects.servers.filter((server) => server.roles.includes('mailbox'));
  }

  pathTo(site: string): SimplePath | undefined {
    return this.paths.find((path) => same(path.sites.at(-1) ?? null, site));
  }

  isHub(name: string): boolean {
    return this.asked.estate.objects.sites.some((site) => same(site.name, name) && site.hub);
  }

  /** Servers of a site that take mail for anybody. */
  relays(site: string): string[] {
    return this.mailboxServers
      .filter((server) => same(server.site, site) && server.accepts === 'any')
      .map((server) => server.name);
  }

  activeOf(database: string): Server | undefined {
    const active = this.asked.estate.objects.databases.find((entry) => same(entry.name, database))?.active ?? null;
    return this.mailboxServers.find((server) => same(server.name, active));
  }

  groupOf(database: string): Group | undefined {
    const active = this.activeOf(database);
    if (!active) return undefined;
    if (active.accepts === 'own') return { kind: 'server-list', name: active.name, members: [active] };
    const general = this.mailboxServers.filter((server) => server.accepts === 'any');
    if (active.dag !== null) {
      return { kind: 'dag', name: active.dag, members: general.filter((server) => same(server.dag, active.dag)) };
    }
    const alone = general.filter((server) => server.dag === null && same(server.site, active.site));
    return { kind: 'mailbox', name: active.site, members: alone };
  }

  /** The ways to the sites of a group's members, best first. */
  waysTo(group: Group): SimplePath[] {
    return this.paths.filter((path) => group.members.some((server) => same(server.site, path.sites.at(-1) ?? null)));
  }
}

export const endOf = (path: SimplePath): string => path.sites.at(-1) ?? '';

/** The servers near the front end: of its own site, else of the nearest site with any. */
function nearby(view: OracleView): Array<{ servers: string[]; path: SimplePath }> {
  const path = view.paths.find((candidate) => view.relays(endOf(candidate)).length > 0);
  return path ? [{ servers: view.relays(endOf(path)), path }] : [];
}

/** Sites of a way between its ends, the last first. */
export function backwards(
  view: OracleView,
  path: SimplePath,
): Array<{ servers: string[]; path: SimplePath | undefined }> {
  return path.sites
    .slice(1, -1)
    .reverse()
    .map((site) => ({ servers: view.relays(site), path: view.pathTo(site) }));
}

/** The plan for the recipients of a stranger or a server. */
export function planForRecipients(view: OracleView, accepted: readonly OracleRecipient[]): OraclePlan {
  const databases = accepted.filter((recipient) => recipient.considered).flatMap(({ database }) => database ?? []);
  const groups = databases.flatMap((database) => view.groupOf(database) ?? []);
  const keyOf = (group: Group): string => `${group.kind} ${lower(group.name)}`;
  const best = groups
    .flatMap((group) => {
      const [path] = view.waysTo(group);
      return path ? [{ group, path, served: groups.filter((other) => keyOf(other) === keyOf(group)).length }] : [];
    })
    .sort(
      (a, b) =>
        comparePreference(a.path, b.path) ||
        b.served - a.served ||
        orderOf(a.group.name, b.group.name) ||
        orderOf(a.group.kind, b.group.kind),
    )[0];
  if (!best) {
    const [near] = nearby(view);
    return {
      group: { kind: 'local-site', name: near ? endOf(near.path) : view.here },
      way: near?.path,
      sets: near ? [near] : [],
    };
  }
  return planForGroup(view, best.group, best.path);
}

function planForGroup(view: OracleView, group: Group, way: SimplePath): OraclePlan {
  const named = { kind: group.kind, name: group.name };
  if (group.kind === 'server-list') {
    return { group: named, way, sets: [{ servers: group.members.map((server) => server.name), path: way }] };
  }
  const hub = way.sites.slice(1).find((site) => view.isHub(site));
  const hubPath = hub === undefined ? undefined : view.pathTo(hub);
  if (hub !== undefined && hubPath && hub !== endOf(way)) {
    const sets = [{ servers: view.relays(hub), path: hubPath }, ...backwards(view, hubPath), ...nearby(view)];
    return { group: { kind: 'site', name: hub }, way, sets };
  }
  const members = view.waysTo(group).map((path) => {
    const here = group.members.filter((server) => same(server.site, endOf(path)));
    return { servers: here.map((server) => server.name), path };
  });
  const [first, ...rest] = members;
  const others = { servers: view.relays(endOf(way)), path: way };
  const isHere = members.some(({ path }) => path.sites.length === 1);
  if (!first || isHere) return { group: named, way, sets: [...members, ...nearby(view)] };
  const sets = hub === undefined ? [first, ...rest, others] : [first, others, ...rest];
  return { group: named, way, sets: [...sets, ...backwards(view, way), ...nearby(view)] };
}

/** The plan for a user who logged on. */
export function planForSender(view: OracleView, user: string): OraclePlan {
  const { organization, databases } = view.asked.estate.objects;
  const { database } = addresseeOf(view.asked, user);
  const name = database ?? organization.arbitrationDatabase;
  const active = name === null ? undefined : view.activeOf(name);
  if (!active) return planForRecipients(view, []);
  const way = view.pathTo(active.site);
  const mates = view.mailboxServers.filter((server) => same(server.dag, active.dag));
  const group = active.dag === null ? { kind: 'mailbox', name: active.site } : { kind: 'dag', name: active.dag };
  if (organization.clientProxy === 'any-active-in-dag' && active.dag !== null) {
    const busy = mates.filter((server) => databases.some((entry) => same(entry.active, server.name)));
    return { group, way, sets: [{ servers: busy.map((server) => server.name), path: way }] };
  }
  const others = mates.map((server) => server.name).filter((name) => name !== active.name);
  return {
    group,
    way,
    sets: [
      { servers: [active.name], path: way },
      { servers: others, path: undefined },
    ],
  };
}
