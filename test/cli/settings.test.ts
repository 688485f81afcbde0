import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actorName, socketFolder, socketPath, socketPrefix, stateFolder, storePath } from '../../src/settings.js';
import { tempDir } from '../support/temp-dir.js';

describe('where things are', () => {
  test('the store: the flag, the environment, the place of this user; always absolute', () => {
    expect(storePath('/a/b.db', { USHER_STORE: '/c.db' })).toBe('/a/b.db');
    expect(storePath(undefined, { USHER_STORE: '/c.db' })).toBe('/c.db');
    expect(storePath('b.db', {})).toBe(join(process.cwd(), 'b.db'));
    const place = storePath(undefined, { XDG_STATE_HOME: '/home/ann/state', USHER_STORE: '' });
    expect(place).toBe(process.getuid?.() === 0 ? '/var/lib/usher/usher.db' : '/home/ann/state/usher/usher.db');
  });

  test('the state beside the store', () => {
    expect(stateFolder('/var/lib/usher/usher.db')).toBe('/var/lib/usher/usher.state');
    expect(stateFolder('/var/lib/usher/estate')).toBe('/var/lib/usher/estate.state');
  });

  test('control sockets are short enough for the system, whatever the names', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 500 }), fc.string({ maxLength: 500 }), (store, frontEnd) => {
        const path = socketPath(`/srv/${store}`, frontEnd, { XDG_RUNTIME_DIR: '/run/user/4294967294' });
        expect(Buffer.byteLength(path)).toBeLessThan(100);
        expect(path.startsWith(join('/run/user/4294967294/usher', socketPrefix(`/srv/${store}`)))).toBe(true);
      }),
    );
  });

  test('one store has one prefix by whatever path it is reached, before and after it is made', () => {
    const folder = tempDir('settings');
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real'), join(folder, 'link'));
    const before = socketPrefix(join(folder, 'link', 'usher.db'));
    writeFileSync(join(folder, 'real', 'usher.db'), '');
    expect(socketPrefix(join(folder, 'real', 'usher.db'))).toBe(before);
    expect(socketPrefix(join(folder, 'link', 'usher.db'))).toBe(before);
    expect(socketPrefix(join(folder, 'real', 'other.db'))).not.toBe(before);
  });

  test('front ends differ, their case does not, and USHER_SOCKET overrides', () => {
    const path = (name: string) => socketPath('/srv/usher.db', name, { XDG_RUNTIME_DIR: '/run/user/0' });
    expect(path('FE1')).toBe(path('fe1'));
    expect(path('FE1')).not.toBe(path('FE2'));
    expect(socketPath('/srv/usher.db', 'FE1', { USHER_SOCKET: '/run/my.sock' })).toBe('/run/my.sock');
    expect(socketFolder({ XDG_RUNTIME_DIR: '/run/user/0' })).toBe('/run/user/0/usher');
  });
});

test('who makes a change: the one named, the one behind sudo, the login', () => {
  const login = actorName({});
  expect(login).not.toBe('');
  expect(actorName({ SUDO_USER: 'ann' })).toBe(`ann (${login})`);
  expect(actorName({ SUDO_USER: login })).toBe(login);
  expect(actorName({ USHER_ACTOR: 'job 12', SUDO_USER: 'ann' })).toBe('job 12');
});
