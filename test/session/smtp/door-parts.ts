import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach } from 'vitest';
import { type DoorSetting, type DoorUnderTest, openTestDoor } from './door-under-test.js';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-server.js';
import { connectClient, greet, type SmtpClient } from './smtp-client.js';

/** Parts of a test around the door; each is closed after the test that opened it, and no door may have had a fault. */
export interface DoorParts {
  server(script?: Script): Promise<ScriptedServer>;
  doorTo(servers: readonly { readonly port: number }[], setting?: DoorSetting): Promise<DoorUnderTest>;
  /** A client that was greeted and has said EHLO. */
  client(door: { readonly port: number }): Promise<SmtpClient>;
  /** A client that has said and heard nothing. */
  bareClient(door: { readonly port: number }): Promise<SmtpClient>;
  keep<T extends { close(): void }>(part: T): T;
}

export function doorParts(): DoorParts {
  const opened: { close(): void }[] = [];
  const doors: DoorUnderTest[] = [];
  // A TLS socket before the one below it.
  afterEach(() => {
    for (const part of opened.splice(0).reverse()) part.close();
    const faults = doors.splice(0).flatMap(({ log }) => log.filter(({ message }) => message.startsWith('fault')));
    if (faults.length > 0) throw new Error(JSON.stringify(faults));
  });
  const keep = <T extends { close(): void }>(part: T): T => {
    opened.push(part);
    return part;
  };
  const bareClient = async ({ port }: { readonly port: number }): Promise<SmtpClient> =>
    keep(await connectClient(port));
  return {
    keep,
    server: async (script = {}) => keep(await startScriptedServer(script)),
    async doorTo(servers, setting = {}) {
      const door = keep(await openTestDoor({ ports: servers.map(({ port }) => port), ...setting }));
      doors.push(door);
      return door;
    },
    bareClient,
    async client(door) {
      const client = await bareClient(door);
      await greet(client);
      return client;
    },
  };
}

/** A file that is gone after the tests. */
export function scratchFile(name: string): { readonly path: string; write(text: string): void } {
  const folder = mkdtempSync(join(tmpdir(), 'usher-smtp-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = join(folder, name);
  return { path, write: (text) => writeFileSync(path, text) };
}

/** A port that nobody listens on. */
export async function deadServer(): Promise<{ readonly port: number }> {
  const once = await startScriptedServer();
  const { port } = once;
  once.close();
  return { port };
}

/** How long something takes, in milliseconds, and what it gives. */
export async function timed<T>(work: Promise<T>): Promise<{ readonly value: T; readonly tookMs: number }> {
  const startedAt = performance.now();
  const value = await work;
  return { value, tookMs: performance.now() - startedAt };
}
