import type { HttpService } from '../catalogue/catalogue.js';
import { components, webServicePaths } from '../components.js';
import { endpointNames } from '../endpoints.js';
import { nameKey } from '../names.js';
import type { Topology } from '../topology.js';
import type { Finding } from './finding.js';
import { errorOf } from './finding.js';

const error = errorOf('http-service');

/** What a further service cannot be called: names that mean something else in flags, logs and component states. */
const takenNames = new Set<string>([...components, ...endpointNames.map(nameKey), 'front-end', 'frontend', 'mailbox']);

export function checkHttpServices(topology: Topology): Finding[] {
  const seen = new Map<string, string>();
  return topology.httpServices.flatMap((service) => {
    const other = seen.get(nameKey(service.path));
    seen.set(nameKey(service.path), service.name);
    const taken = other === undefined ? [] : [`${service.path} is the path of "${other}" already`];
    return [
      ...checkName(service),
      ...[...taken, ...builtInPath(service)].map((message) => error(service.name, ['path'], 'path-taken', message)),
    ];
  });
}

function checkName({ name }: HttpService): Finding[] {
  const key = nameKey(name);
  if (takenNames.has(key)) {
    const message = `the name "${name}" is that of a service or component that is always there; choose another`;
    return [error(name, ['name'], 'name-taken', message)];
  }
  if (!key.endsWith('-proxy')) return [];
  const message = `the name "${name}" ends as components of front ends do (-proxy); choose another`;
  return [error(name, ['name'], 'name-taken', message)];
}

function builtInPath({ path }: HttpService): string[] {
  const key = nameKey(path);
  if (key.endsWith('/healthcheck.htm')) return [`${path} is the path of a health page`];
  return Object.entries(webServicePaths)
    .filter(([, root]) => key === root || key.startsWith(`${root}/`))
    .map(([service, root]) => `${path} belongs to the service ${service}, which has all of ${root}`);
}
