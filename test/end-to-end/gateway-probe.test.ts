import { afterAll, beforeAll, expect, test } from 'vitest';
import { alive, type SipGateway, streamGateway } from '../health/sip-gateway.js';
import { freePort } from '../support/free-port.js';
import { until } from '../support/until.js';
import { startUsher, type Usher } from '../support/usher.js';
import { callEstate } from './calls-estate.js';

let usher: Usher;
let port: number;
let gateway: SipGateway | undefined;

beforeAll(async () => {
  port = await freePort();
  const { estate } = await callEstate({}, { huntGroups: [], callGateways: [] });
  usher = await startUsher(estate);
});
afterAll(async () => {
  gateway?.close();
  await usher?.stop();
});

const notes = async (): Promise<readonly string[]> =>
  (JSON.parse(await usher.cli('status', '--json')) as { notes: readonly string[] }).notes.filter((note) =>
    note.startsWith('gateway '),
  );

test('a gateway that does not answer stands among the notes of status until it does', async () => {
  const words = ['gateway', 'create', 'GW9', '--address', '127.0.0.1', '--port', String(port), '--probe', '1s'];
  await usher.cli(...words);
  const [note] = await until('a note', async () => {
    const found = await notes();
    return found.length > 0 && found;
  });
  expect(note).toMatch(
    new RegExp(`^gateway "GW9" \\(127\\.0\\.0\\.1:${port}, tcp\\) has not answered since \\d{4}-[\\d-]+T[\\d:.]+Z$`),
  );
  expect(await usher.cli('status')).toContain(`note: ${note}\n`);
  gateway = await streamGateway(alive, { port });
  await until('no note', async () => (await notes()).length === 0);
  expect(gateway.requests[0]?.text).toMatch(/^OPTIONS sip:127\.0\.0\.1/);
});
