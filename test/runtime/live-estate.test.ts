import Database from 'better-sqlite3';
import { afterEach, expect, test } from 'vitest';
import { openLiveEstate } from '../../src/runtime/live-estate.js';
import { apply, scratchStore, storePath } from '../support/scratch-store.js';
import { until } from '../support/until.js';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0).reverse()) stop();
});

const estate = {
  estate: 1,
  organization: { defaultDomain: 'contoso.com' },
  sites: [{ name: 'A' }],
  servers: [{ name: 'FE1', site: 'A', roles: ['frontend'], host: '127.0.0.1' }],
  domains: [{ name: 'contoso.com', type: 'authoritative' }],
};

test('the last known estate stays in force when what was committed cannot be read', async () => {
  const path = storePath();
  apply(scratchStore(path), estate);
  const lines: string[] = [];
  const at = (_: unknown, message: string): void => void lines.push(message);
  const log = { debug: at, info: at, warn: at, error: at };
  const live = openLiveEstate({ storePath: path, frontEnd: 'FE1', host: 'x', log, onChange: () => undefined });
  stops.push(() => live.close());
  const known = live.snapshot();
  const byHand = new Database(path);
  byHand.exec('ALTER TABLE link_sites RENAME TO link_places');
  byHand.exec(
    'INSERT INTO revision SELECT revision + 1, at, actor, command, message FROM revision ORDER BY revision DESC LIMIT 1',
  );
  expect(live.newest()).toBe(known);
  expect(live.trouble()).not.toBeNull();
  expect(() => live.takeUp()).toThrow(/link_sites/);
  byHand.exec('ALTER TABLE link_places RENAME TO link_sites');
  byHand.close();
  await until('the new revision', () => live.snapshot() !== known);
  expect(live.newest().topology.revision).toBe(known.topology.revision + 1);
  expect(live.trouble()).toBeNull();
  expect(lines).toContain('the store cannot be followed; the last known estate stays in force');
});
