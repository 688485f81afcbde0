import { UsherError } from '../errors.js';
import type { Server } from './catalogue/catalogue.js';
import { nameKey, nearestName } from './names.js';
import type { Topology } from './topology.js';
import { isFrontEnd } from './topology.js';

/** The front end that is meant: the named one; else the only one; else the one whose name or host is `host`. */
export function chooseFrontEnd(topology: Topology, named: string | undefined, host: string): Server {
  const frontEnds = topology.servers.filter(isFrontEnd);
  if (named !== undefined) return namedFrontEnd(topology, frontEnds, named);
  const [only, ...others] = frontEnds;
  if (!only) {
    throw new UsherError(
      'invalid',
      'no-front-end',
      'the estate has no front end; make one with "usher server create NAME --roles frontend --site SITE"',
    );
  }
  if (others.length === 0) return only;
  const here = frontEnds.find((server) => [server.name, server.host].some((name) => nameKey(name) === nameKey(host)));
  if (here) return here;
  const names = frontEnds.map((server) => server.name);
  throw new UsherError(
    'usage',
    'which-front-end',
    `several front ends fit (${names.slice(0, 10).join(', ')}); say which with --on`,
    names.slice(0, 10),
  );
}

function namedFrontEnd(topology: Topology, frontEnds: readonly Server[], named: string): Server {
  const server = topology.server(named);
  if (server && isFrontEnd(server)) return server;
  if (server)
    throw new UsherError(
      'invalid',
      'no-front-end',
      `${server.name} is no front end; its roles are ${server.roles.join(', ')}`,
    );
  throw missingServer('front end', named, frontEnds);
}

function missingServer(what: string, name: string, known: readonly Server[]): UsherError {
  const nearest = nearestName(
    name,
    known.map((server) => server.name),
  );
  const hint = nearest === undefined ? '; see "usher server list"' : ` (did you mean "${nearest}"?)`;
  return new UsherError(
    'missing',
    'not-found',
    `there is no ${what} "${name}"${hint}`,
    nearest === undefined ? [] : [nearest],
  );
}

/** The named servers, or the error that says which is not there. */
export function requireServers(topology: Topology, names: readonly string[]): Server[] {
  return names.map((name) => {
    const server = topology.server(name);
    if (!server) throw missingServer('server', name, topology.servers);
    return server;
  });
}
