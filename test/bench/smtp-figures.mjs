import { median, tableLines } from './harness.mjs';

/** Names of the systems that others are compared with. */
export const [floor, fastPeer, scriptedPeer, ours] = ['direct', 'nginx', 'Haraka', 'usher'];
export const megabyte = 1024 ** 2;
export const largeMailBytes = 25 * megabyte;

/**
 * @typedef {object} Measure
 * @property {string} name
 * @property {number} sessions
 * @property {import('./smtp-load.mjs').Connections} connections
 * @property {number} share of the seconds of a load
 * @property {number} countMin
 */

/** @type {readonly Measure[]} */
export const measures = [
  { name: 'one session, kept connection', sessions: 1, connections: 'kept', share: 0.5, countMin: 10 },
  { name: 'one session, new connections', sessions: 1, connections: 'new', share: 0.5, countMin: 5 },
  { name: '200 sessions, kept connections', sessions: 200, connections: 'kept', share: 1, countMin: 1000 },
  { name: '200 sessions, new connections', sessions: 200, connections: 'new', share: 1, countMin: 1000 },
];

/**
 * What one load showed; a position in a list of them is a round.
 * @typedef {{msPerMessage: number, perSecond: number, cpuUs: number}} Sample
 */

/**
 * @typedef {object} Contestant
 * @property {string} name
 * @property {import('./harness.mjs').Running<number>} running
 * @property {Map<Measure, {count: number, samples: Sample[]}>} loads
 * @property {{afterStart: number, afterOne: number, perSecond: number[]} | undefined} largeMail bytes, and MB a second
 * @property {number | undefined} idleBytes
 */

/**
 * The tables, and usher's aims beside them.
 * @param {readonly Contestant[]} contestants
 * @param {number | undefined} idle
 * @returns {string[]}
 */
export function resultLines(contestants, idle) {
  const [keptOne, newOne, keptMany, newMany] = measures;
  const rows = contestants.map((contestant) => [
    contestant.name,
    ...latencyCells(contestants, contestant, keptOne),
    ...latencyCells(contestants, contestant, newOne),
  ]);
  const many = contestants.map((contestant) => [
    contestant.name,
    ...throughputCells(contestant, keptMany),
    ...throughputCells(contestant, newMany),
  ]);
  const big = contestants.map(({ name, largeMail }) => [
    name,
    cell(largeMail && median(largeMail.perSecond), 0),
    ...(name === floor
      ? ['-', '-']
      : [cell(largeMail && largeMail.afterStart / megabyte, 1), cell(largeMail && largeMail.afterOne / megabyte, 1)]),
  ]);
  const idleRows = contestants
    .filter(({ idleBytes }) => idleBytes !== undefined)
    .map(({ name, idleBytes }) => [name, cell(idleBytes && idleBytes / 1024, 1)]);
  return [
    ...tableLines([['one session', 'kept: ms/message', 'added', 'new: ms/message', 'added'], ...rows]),
    '',
    ...tableLines([['200 sessions', 'kept: msg/s', 'CPU us/msg', 'new: msg/s', 'CPU us/msg'], ...many]),
    '',
    ...tableLines([['a message of 25 MB', 'MB/s', 'MB added, the first', 'MB added, the others'], ...big]),
    ...(idle === undefined ? [] : ['', ...tableLines([[`${idle} idle connections`, 'KB each'], ...idleRows])]),
    '',
    ...aimLines(contestants),
  ];
}

/**
 * Time of a message, and what the system adds: the median of the differences within each round.
 * @param {readonly Contestant[]} contestants
 * @param {Contestant} contestant
 * @param {Measure} measure
 */
function latencyCells(contestants, contestant, measure) {
  const samples = contestant.loads.get(measure)?.samples;
  return [
    cell(samples && median(samples.map(({ msPerMessage }) => msPerMessage)), 3),
    contestant.name === floor ? '-' : cell(addedMs(contestants, contestant, measure), 3),
  ];
}

/**
 * @param {readonly Contestant[]} contestants
 * @param {Contestant | undefined} contestant
 * @param {Measure} measure
 * @returns {number | undefined} undefined where messages failed
 */
function addedMs(contestants, contestant, measure) {
  const direct = find(contestants, floor)?.loads.get(measure)?.samples;
  const samples = contestant?.loads.get(measure)?.samples;
  if (direct === undefined || samples === undefined) return undefined;
  return median(samples.map(({ msPerMessage }, round) => msPerMessage - (direct[round]?.msPerMessage ?? 0)));
}

/**
 * @param {Contestant} contestant
 * @param {Measure} measure
 */
function throughputCells(contestant, measure) {
  const samples = contestant.loads.get(measure)?.samples;
  return [
    cell(throughput(contestant, measure), 0),
    contestant.name === floor ? '-' : cell(samples && median(samples.map(({ cpuUs }) => cpuUs)), 1),
  ];
}

/**
 * @param {Contestant | undefined} contestant
 * @param {Measure} measure
 * @returns {number | undefined} messages a second
 */
function throughput(contestant, measure) {
  const samples = contestant?.loads.get(measure)?.samples;
  return samples && median(samples.map(({ perSecond }) => perSecond));
}

/**
 * What usher shall reach, and whether it does.
 * @param {readonly Contestant[]} contestants
 * @returns {string[]}
 */
function aimLines(contestants) {
  const usher = find(contestants, ours);
  if (usher === undefined) return [];
  const line = (
    /** @type {string} */ aim,
    /** @type {number | undefined} */ got,
    /** @type {boolean} */ met,
    places = 0,
  ) => `aim of usher: ${aim}: ${cell(got, places)}, ${got !== undefined && met ? 'met' : 'not met'}`;
  const [keptOne, newOne, keptMany, newMany] = measures;
  const added = [keptOne, newOne].map((measure) => {
    const ms = addedMs(contestants, usher, measure);
    return line(`${measure.name}, less than 1 ms added`, ms, ms !== undefined && ms < 1, 3);
  });
  const many = [keptMany, newMany].flatMap((measure) => {
    const [got, nginx, haraka] = [ours, fastPeer, scriptedPeer].map((name) =>
      throughput(find(contestants, name), measure),
    );
    const least = [
      nginx === undefined ? undefined : Math.min(3700, nginx),
      haraka === undefined ? undefined : 4 * haraka,
    ];
    const [fast = 3700, times] = least;
    const fastLine = line(`${measure.name}, ${fast.toFixed(0)} msg/s`, got, (got ?? 0) >= fast);
    if (times === undefined) return [fastLine];
    return [fastLine, line(`${measure.name}, 4 times Haraka (${times.toFixed(0)} msg/s)`, got, (got ?? 0) >= times)];
  });
  const grown = usher.largeMail && usher.largeMail.afterOne / megabyte;
  return [...added, ...many, line('25 MB, at most 10 MB added', grown, (grown ?? 0) <= 10, 1)];
}

/**
 * @param {readonly Contestant[]} contestants
 * @param {string} name
 */
function find(contestants, name) {
  return contestants.find((contestant) => contestant.name === name);
}

/**
 * @param {number | undefined} value undefined where it could not be measured
 * @param {number} places
 */
function cell(value, places) {
  return value === undefined ? 'failed' : value.toFixed(places);
}
