import { measure, tableLines } from './harness.mjs';
import { proxies } from './mail-access-systems.mjs';

const parallel = 32;
const warmUps = { plain: 8000, tls: 4000 };
// 1,500 logins a second on one core; none is set for TLS, where the handshake is most of it.
const aimsUs = { plain: 1e6 / 1500, tls: undefined };

/**
 * Connect, LOGIN, LOGOUT in front of one Dovecot, which confirms every one in its log.
 * @param {import('./mail-access-stage.mjs').Stage} stage
 * @param {import('./mail-access-stage.mjs').DoorKind} door
 * @param {{rounds: number, seconds: number}} options
 */
export async function figuresOfLogins(stage, door, { rounds, seconds }) {
  const { dovecot, client } = stage;
  const direct = {
    name: 'direct (the server itself)',
    peer: false,
    start: async () => ({
      pids: [dovecot.pid],
      target: { port: dovecot.ports[door], door, mailboxes: /** @type {const} */ ('dovecot') },
      stop: async () => undefined,
    }),
  };
  const warmUp = (/** @type {import('./mail-access-stage.mjs').Target} */ target) =>
    client.ask('logins', { target, parallel, times: warmUps[door] });
  const figures = await measure({
    systems: [direct, ...proxies(stage, 'logins', door, warmUp)],
    rounds,
    load: async (target) => {
      await dovecot.logins(0);
      const load = /** @type {import('./harness.mjs').Load} */ (
        await client.ask('logins', { target, parallel, seconds })
      );
      const confirmed = await dovecot.logins(load.operations);
      if (confirmed === load.operations) return load;
      throw new Error(`port ${target.port}: the clients saw ${load.operations} logins, the server ${confirmed}`);
    },
  });
  const nginx = figures.find(({ peer }) => peer)?.cpuMicrosecondsPerOperation ?? Number.NaN;
  const rows = figures.map(({ name, operationsPerSecond, cpuMicrosecondsPerOperation: cpu }) => [
    name,
    operationsPerSecond.toFixed(0),
    cpu.toFixed(0),
    (1e6 / cpu).toFixed(0),
    (cpu / nginx).toFixed(2),
    name === 'usher' ? (aimsUs[door]?.toFixed(0) ?? '-') : '',
  ]);
  return [
    `logins, ${door === 'plain' ? 'in clear' : 'TLS 1.3 at the door'}, ${parallel} at a time`,
    ...tableLines([['system', 'logins/s', 'CPU us/login', 'logins/s a core', 'CPU to nginx', 'aim us'], ...rows]),
  ];
}
