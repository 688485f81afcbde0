import { figureLines, measure } from './harness.mjs';
import { names, systemsOf } from './http-systems.mjs';
import { scatteredUsers } from './http-users.mjs';
import { loadOf, warmedUp } from './http-wrk.mjs';

const manyUsers = 10_000;

/** What usher's CPU for a request may be, as a multiple of another system's. */
const aims = /** @type {const} */ ([
  ['map', 1.5],
  ['authRequest', 1],
  ['httpProxy', 0.25],
]);

/**
 * Small requests over kept connections, all of one user, by every system.
 * @param {import('./http-stage.mjs').Stage} stage
 * @param {{rounds: number, seconds: number}} options
 */
export async function requestsOfOneUser(stage, options) {
  const systems = systemsOf(stage, ['map', 'authRequest', 'nginx', 'haproxy', 'httpProxy', 'usher']);
  const figures = await measured(systems, [0], options);
  return ['small requests, one user', ...figureLines(figures), ...aimLines(figures)];
}

/**
 * The same by many users in turn, by the systems that look each of them up.
 * @param {import('./http-stage.mjs').Stage} stage
 * @param {{rounds: number, seconds: number}} options
 */
export async function requestsOfManyUsers(stage, options) {
  const figures = await measured(systemsOf(stage, ['map', 'authRequest', 'usher']), scatteredUsers(manyUsers), options);
  return [`small requests, ${manyUsers} users in turn`, ...figureLines(figures), ...aimLines(figures)];
}

/**
 * The same as one user over TLS 1.3.
 * @param {import('./http-stage.mjs').Stage} stage
 * @param {{rounds: number, seconds: number}} options
 */
export async function requestsOverTls(stage, options) {
  const systems = systemsOf(stage, ['map', 'authRequest', 'nginx', 'usher'], { door: 'tls' });
  const figures = await measured(systems, [0], options);
  return ['small requests, one user, TLS 1.3 at the door', ...figureLines(figures), ...aimLines(figures)];
}

/**
 * @param {readonly import('./harness.mjs').System<import('./http-systems.mjs').Target>[]} systems
 * @param {readonly number[]} users
 * @param {{rounds: number, seconds: number}} options
 */
function measured(systems, users, { rounds, seconds }) {
  const load = loadOf(users);
  return measure({ systems: systems.map(warmedUp), load: (target) => load(target, seconds), rounds });
}

/** @param {readonly import('./harness.mjs').Figures[]} figures */
function aimLines(figures) {
  const cpuOf = (/** @type {import('./http-systems.mjs').SystemName} */ name) =>
    figures.find((row) => row.name === names[name])?.cpuMicrosecondsPerOperation;
  const ours = cpuOf('usher');
  return aims.flatMap(([name, aim]) => {
    const theirs = cpuOf(name);
    if (ours === undefined || theirs === undefined) return [];
    const ratio = ours / theirs;
    const verdict = ratio <= aim ? 'met' : 'not met';
    return [`CPU of usher to ${names[name]}: ${ratio.toFixed(2)}, aim at most ${aim.toFixed(2)}: ${verdict}`];
  });
}
