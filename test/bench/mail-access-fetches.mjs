import { measure, tableLines } from './harness.mjs';
import { proxies } from './mail-access-systems.mjs';

const sizesMb = { plain: 256, tls: 128 };
const warmUpMb = 1024;
const aimRatio = 0.7;

/**
 * One client fetches one long message.
 * @param {import('./mail-access-stage.mjs').Stage} stage
 * @param {import('./mail-access-stage.mjs').DoorKind} door
 * @param {{rounds: number}} options
 */
export async function figuresOfFetches({ client, scripted, ...stage }, door, { rounds }) {
  const direct = {
    name: 'direct (the server itself)',
    peer: false,
    start: async () => ({
      pids: [scripted.pid],
      target: { port: scripted.port, door, mailboxes: /** @type {const} */ ('scripted') },
      stop: async () => undefined,
    }),
  };
  const systems = proxies({ client, scripted, ...stage }, 'fetches', door, (target) =>
    client.ask('fetch', { target, megabytes: warmUpMb }),
  );
  const figures = await measure({
    systems: door === 'plain' ? [direct, ...systems] : systems,
    rounds,
    load: async (target) =>
      /** @type {import('./harness.mjs').Load} */ (await client.ask('fetch', { target, megabytes: sizesMb[door] })),
  });
  const nginx = figures.find(({ peer }) => peer)?.cpuMicrosecondsPerOperation ?? Number.NaN;
  const rows = figures.map(({ name, operationsPerSecond, cpuMicrosecondsPerOperation: cpu }) => [
    name,
    operationsPerSecond.toFixed(0),
    (cpu / 1000).toFixed(2),
    (1e6 / cpu).toFixed(0),
    (nginx / cpu).toFixed(2),
    name === 'usher' ? aimRatio.toFixed(2) : '',
  ]);
  return [
    `a FETCH of ${sizesMb[door]} MB, ${door === 'plain' ? 'in clear' : 'TLS 1.3 at the door'}`,
    ...tableLines([['system', 'MB/s', 'CPU ms/MB', 'MB a CPU second', 'to nginx', 'aim'], ...rows]),
  ];
}
