import { measure, tableLines } from './harness.mjs';
import { systemsOf } from './http-systems.mjs';
import { forgetPeak, memoryOf } from './smtp-memory.mjs';

const roundsMax = 3;
const megabyte = 1024 ** 2;

/**
 * Bodies of 1 GB, one at a time: megabytes a CPU second, and how far the system's memory grew at most in one.
 * @param {import('./http-stage.mjs').Stage} stage
 * @param {'download' | 'upload'} direction
 * @param {{rounds: number}} options
 */
export async function largeBodies(stage, direction, { rounds }) {
  const server = direction === 'download' ? 'mbx0' : 'sink';
  /** @type {Map<number, {name: string, growths: number[]}>} */
  const growthsOf = new Map();
  const systems = systemsOf(stage, ['nginx', 'haproxy', 'usher'], { server, bodies: 'large' }).map((system) => ({
    ...system,
    start: async () => {
      const running = await system.start();
      growthsOf.set(running.target.port, { name: system.name, growths: [] });
      return running;
    },
  }));
  const figures = await measure({
    systems,
    rounds: Math.min(rounds, roundsMax),
    load: async ({ port, pids }) => {
      forgetPeak(pids);
      const { nowBytes } = memoryOf(pids);
      const load = /** @type {import('./harness.mjs').Load} */ (await stage.client.ask(direction, { port }));
      growthsOf.get(port)?.growths.push((memoryOf(pids).peakBytes - nowBytes) / megabyte);
      return load;
    },
  });
  return bodyLines(direction, figures, [...growthsOf.values()]);
}

/**
 * @param {'download' | 'upload'} direction
 * @param {readonly import('./harness.mjs').Figures[]} figures
 * @param {readonly {name: string, growths: readonly number[]}[]} memory
 */
function bodyLines(direction, figures, memory) {
  const nginxCpu = figures.find(({ peer }) => peer)?.cpuMicrosecondsPerOperation ?? Number.NaN;
  const rows = figures.map(({ name, operationsPerSecond, cpuMicrosecondsPerOperation: cpu }) => {
    const [first = Number.NaN, ...later] = memory.find((row) => row.name === name)?.growths ?? [];
    return [
      name,
      operationsPerSecond.toFixed(0),
      (1e6 / cpu).toFixed(0),
      (nginxCpu / cpu).toFixed(2),
      first.toFixed(1),
      Math.max(...later).toFixed(1),
    ];
  });
  const head = ['system', 'MB/s', 'MB a CPU s', 'to nginx', 'MB grown, first', 'most of later'];
  return [`${direction} of 1 GB, in clear`, ...tableLines([head, ...rows])];
}
