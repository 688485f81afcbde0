import type { Socket } from 'node:net';
import { awaitEvent } from './await-event.js';
import { createProxyHeaderReader, type Endpoint, type ProxyHeaderResult } from './proxy-header.js';

/** A connection did not begin with a PROXY header that can be used. */
export class ProxyHeaderFailure extends Error {
  override readonly name = 'ProxyHeaderFailure';
  readonly stage: 'malformed' | 'closed' | 'timeout';

  constructor(stage: ProxyHeaderFailure['stage'], message: string) {
    super(message);
    this.stage = stage;
  }
}

/** Who is at the other end of the proxy; null when the proxy speaks for itself (a health check). */
export interface ProxiedConnection {
  readonly source: Endpoint | null;
  readonly destination: Endpoint | null;
}

/**
 * Reads the PROXY header that an accepted socket must begin with, at most `timeoutMs`, and leaves the bytes behind it
 * on the socket. Rejects with ProxyHeaderFailure; the socket is then destroyed.
 */
export async function readProxyHeader(socket: Socket, timeoutMs: number): Promise<ProxiedConnection> {
  const endAt = performance.now() + timeoutMs;
  const reader = createProxyHeaderReader();
  try {
    for (;;) {
      await moreBytes(socket, endAt, timeoutMs);
      const result = readAvailable(socket, reader.push);
      if (result.kind === 'bad') throw new ProxyHeaderFailure('malformed', result.reason);
      if (result.kind === 'more') continue;
      if (result.rest.length > 0) socket.unshift(result.rest);
      return { source: result.source, destination: result.destination };
    }
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function moreBytes(socket: Socket, endAt: number, timeoutMs: number): Promise<void> {
  if (socket.readableLength > 0) return;
  const awaited = await awaitEvent(socket, 'readable', endAt - performance.now());
  switch (awaited.kind) {
    case 'happened':
      return;
    case 'timeout':
      throw new ProxyHeaderFailure('timeout', `no PROXY header came within ${timeoutMs} ms`);
    case 'failed':
      throw new ProxyHeaderFailure('closed', `the connection failed before its PROXY header: ${awaited.error.message}`);
    case 'closed':
    case 'aborted':
      throw new ProxyHeaderFailure('closed', 'the connection ended before its PROXY header');
  }
}

function readAvailable(socket: Socket, push: (chunk: Buffer) => ProxyHeaderResult): ProxyHeaderResult {
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return { kind: 'more' };
    const result = push(chunk);
    if (result.kind !== 'more') return result;
  }
}
