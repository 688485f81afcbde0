import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../support/free-port.js';
import { startWebServer, type WebServer } from '../support/peers/web-server.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { mailboxEstate } from './mailbox-estate.js';
import { ask } from './web-client.js';

const user = 'ann@example.org';

/** What became of one request of the load. */
interface Outcome {
  readonly method: 'GET' | 'POST';
  readonly id: string;
  readonly server: string | null;
  /** What the client saw where it was not 200. */
  readonly failure: string | null;
  readonly beganAt: number;
  readonly endedAt: number;
}

describe('requests under load while databases and servers come and go', () => {
  let servers: WebServer[];
  let usher: Usher;
  let url: string;
  let delayMs = 2;
  /** Requests a server has read and not answered, by their ids. */
  const unanswered = [new Set<string>(), new Set<string>()];

  beforeAll(async () => {
    servers = await Promise.all(
      ['MBX1', 'MBX2'].map((name, index) =>
        startWebServer(name, { onRequest: (request, response) => void answer(name, index, request, response) }),
      ),
    );
    const [http = 0] = await freePorts(1);
    url = `http://127.0.0.1:${http}/owa/`;
    usher = await startUsher(
      mailboxEstate({
        servers: servers.map(({ port }) => ({ http: { port, tls: 'none' } })),
        mailboxes: { DB1: [user] },
        listeners: [{ name: 'HTTP', protocol: 'http', bind: `127.0.0.1:${http}` }],
      }),
    );
  });
  afterAll(async () => {
    await usher?.stop();
    for (const server of servers ?? []) server.die();
  });

  async function answer(name: string, index: number, request: IncomingMessage, response: ServerResponse) {
    const id = String(request.headers['x-test-id']);
    unanswered[index]?.add(id);
    request.resume();
    await sleep(delayMs * (0.5 + Math.random()));
    if (response.destroyed) return;
    unanswered[index]?.delete(id);
    response.setHeader('X-Served-By', name);
    response.end(name);
  }

  async function load<T>(clients: number, during: () => Promise<T>): Promise<{ outcomes: Outcome[]; result: T }> {
    const agent = new Agent({ keepAlive: true, maxSockets: clients });
    const outcomes: Outcome[] = [];
    const stopped = new AbortController();
    let count = 0;
    const one = async (): Promise<void> => {
      while (!stopped.signal.aborted) {
        count += 1;
        const method = count % 2 === 0 ? 'GET' : 'POST';
        const id = `${method}-${count}`;
        const beganAt = performance.now();
        const asked = ask(url, {
          method,
          user,
          agent,
          headers: { 'X-Test-Id': id },
          ...(method === 'POST' && { body: 'hello' }),
        });
        const seen = await asked.then(
          ({ status, text }) =>
            status === 200 ? { server: text, failure: null } : { server: null, failure: `${status}` },
          (error: Error) => ({ server: null, failure: error.message }),
        );
        outcomes.push({ method, id, ...seen, beganAt, endedAt: performance.now() });
      }
    };
    const clientsDone = Promise.all(Array.from({ length: clients }, one));
    try {
      const result = await during();
      await sleep(100);
      return { outcomes, result };
    } finally {
      stopped.abort();
      await clientsDone;
      agent.destroy();
    }
  }

  const failed = (outcomes: readonly Outcome[]): Outcome[] => outcomes.filter(({ failure }) => failure !== null);

  test('ten activations back and forth: none fails, each goes where the command said', {
    timeout: 60_000,
  }, async () => {
    const { outcomes, result: phases } = await load(8, async () => {
      const phases: { from: number; until: number; server: string }[] = [];
      for (let round = 0; round < 10; round += 1) {
        const server = round % 2 === 0 ? 'MBX2' : 'MBX1';
        await usher.cli('database', 'activate', 'DB1', '--to', server);
        const from = performance.now();
        await sleep(100);
        phases.push({ from, until: performance.now(), server });
      }
      return phases;
    });
    expect(failed(outcomes)).toEqual([]);
    for (const { from, until, server } of phases) {
      const between = outcomes.filter(({ beganAt, endedAt }) => beganAt >= from && endedAt <= until);
      expect(between.length).toBeGreaterThan(5);
      expect(between.filter((outcome) => outcome.server !== server)).toEqual([]);
    }
  });

  /** POSTs that a server had, or was being sent, when it was killed. */
  const wereUnderWay = (outcomes: readonly Outcome[], killedAt: number): Outcome[] =>
    outcomes.filter(({ method, beganAt, endedAt }) => method === 'POST' && beganAt <= killedAt && endedAt >= killedAt);

  test('a server is killed after a failover, with requests in it: only POSTs that it had may fail', async () => {
    delayMs = 300;
    const { outcomes, result } = await load(16, async () => {
      await sleep(700);
      // In force while MBX1 still works on what it has: its POSTs are lost, its GETs are asked again.
      const activated = usher.cli('database', 'activate', 'DB1', '--to', 'MBX2');
      await until('the activation to be in force', () => (unanswered[1]?.size ?? 0) > 0);
      const lost = new Set(unanswered[0]);
      const killedAt = performance.now();
      servers[0]?.die();
      unanswered[0]?.clear();
      await activated;
      await sleep(1000);
      await servers[0]?.revive();
      return { lost, killedAt };
    });
    delayMs = 2;
    const failures = failed(outcomes);
    const { lost, killedAt } = result;
    expect(wereUnderWay(outcomes, killedAt)).toEqual(expect.arrayContaining(failures));
    expect(failures.every(({ failure }) => failure === '502')).toBe(true);
    // There was something to save, and it was.
    const saved = outcomes.filter(({ method, id, server }) => method === 'GET' && lost.has(id) && server === 'MBX2');
    expect(saved.length).toBeGreaterThan(0);
    expect(outcomes.filter(({ beganAt }) => beganAt > killedAt + 300).length).toBeGreaterThan(0);
  });

  test('a server is restarted within two seconds: its clients wait, only POSTs that it had may fail', async () => {
    await usher.cli('database', 'activate', 'DB1', '--to', 'MBX1');
    const { outcomes, result: killedAt } = await load(8, async () => {
      await sleep(200);
      const killedAt = performance.now();
      servers[0]?.die();
      unanswered[0]?.clear();
      await sleep(1500);
      await servers[0]?.revive();
      await sleep(1500);
      return killedAt;
    });
    const failures = failed(outcomes);
    expect(wereUnderWay(outcomes, killedAt)).toEqual(expect.arrayContaining(failures));
    expect(failures.length).toBeLessThanOrEqual(8);
    expect(outcomes.filter(({ beganAt }) => beganAt > killedAt + 2500).length).toBeGreaterThan(50);
  });

  test('the only server of a mailbox is down: 503 with a time to come again, and it is found again', async () => {
    expect((await ask(url, { user })).text).toBe('MBX1');
    servers[0]?.die();
    const began = performance.now();
    const answer = await ask(url, { user });
    expect(answer.status).toBe(503);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(performance.now() - began).toBeLessThan(8000);
    await servers[0]?.revive();
    await until('the server to be used again', async () => (await ask(url, { user })).text === 'MBX1', 5000);
  });

  test('kept connections that the server closes are never the reason of a failure', async () => {
    const { outcomes } = await load(8, async () => {
      for (let round = 0; round < 10; round += 1) {
        await sleep(50);
        // What a server does that ends idle connections when it pleases.
        servers[0]?.closeIdle();
      }
    });
    expect(failed(outcomes).filter(({ method }) => method === 'GET')).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(200);
  });
});
