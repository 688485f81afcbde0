import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll } from 'vitest';

/** A request whose last byte has come. */
export interface RecordedRequest {
  /** The server's number of the connection. */
  readonly connection: number;
  readonly method: string;
  readonly target: string;
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** A character a byte. */
  readonly body: string;
  readonly trailers: readonly (readonly [name: string, value: string])[];
}

export interface RecordingWebServerOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  /** The bytes of the answer, a character a byte; default 200 with method and target as text. */
  readonly answer?: (request: RecordedRequest) => string;
}

/**
 * An HTTP/1.1 server that takes what every reader takes alike and nothing else: CRLF, one Host, one framing field with
 * a plain value, plain chunk sizes. What is not like that stands in `violations`.
 */
export interface RecordingWebServer {
  readonly name: string;
  readonly port: number;
  readonly requests: readonly RecordedRequest[];
  /** Connections that ended within a request, and how far that one had come. */
  readonly partial: readonly string[];
  readonly violations: readonly string[];
  /** Connections accepted so far, and the bytes they brought. */
  connections(): number;
  bytes(): number;
  forget(): void;
  close(): void;
}

const headMax = 262_144;
const bodyMax = 64 * 1024 * 1024;
const closers = new Set<() => void>();

afterAll(() => {
  for (const close of closers) close();
});

/** Starts one on a loopback port. */
export async function startRecordingWebServer(
  name: string,
  options: RecordingWebServerOptions = {},
): Promise<RecordingWebServer> {
  const sockets = new Set<Socket>();
  const requests: RecordedRequest[] = [];
  const partial: string[] = [];
  const violations: string[] = [];
  let connections = 0;
  let bytes = 0;
  const answer = options.answer ?? ((request) => usualAnswer(name, request));

  function accept(socket: Socket): void {
    connections += 1;
    const connection = connections;
    sockets.add(socket);
    let unread: Buffer = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
      try {
        for (let read = readRequest(unread, connection); read !== null; read = readRequest(unread, connection)) {
          unread = unread.subarray(read.end);
          requests.push(read.request);
          socket.write(answer(read.request), 'latin1');
        }
      } catch (error) {
        if (!(error instanceof Violation)) throw error;
        violations.push(`${error.message} in ${JSON.stringify(unread.toString('latin1', 0, 400))}`);
        socket.destroy();
      }
    };
    socket.on('data', take).on('error', () => socket.destroy());
    socket.once('close', () => {
      sockets.delete(socket);
      if (unread.length > 0) partial.push(unread.toString('latin1', 0, 4096));
    });
  }

  const server = options.tls === undefined ? createServer(accept) : createTlsServer(options.tls, accept);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
    closers.delete(close);
  };
  closers.add(close);
  return {
    name,
    port: address.port,
    requests,
    partial,
    violations,
    connections: () => connections,
    bytes: () => bytes,
    forget() {
      for (const list of [requests, partial, violations]) list.length = 0;
    },
    close,
  };
}

function usualAnswer(name: string, { method, target }: RecordedRequest): string {
  const text = `${method} ${target}\n`;
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\nX-Served-By: ${name}\r\n\r\n`;
  return method === 'HEAD' ? head : head + text;
}

class Violation extends Error {}

interface Read {
  readonly request: RecordedRequest;
  readonly end: number;
}

const fieldForm = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;
const requestForm = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP\/1\.1$/;

/** Null while it is not all there; @throws Violation */
function readRequest(bytes: Buffer, connection: number): Read | null {
  const end = bytes.indexOf('\r\n\r\n');
  const text = bytes.toString('latin1', 0, end === -1 ? Math.min(bytes.length, headMax + 1) : end);
  if (/(?:^|[^\r])\n|\r(?!\n|$)/.test(text)) throw new Violation('a CR or LF that stands alone');
  if (text.includes('\0')) throw new Violation('a NUL');
  if (end === -1) {
    if (bytes.length > headMax) throw new Violation('an endless head');
    return null;
  }
  const [line = '', ...rest] = text.split('\r\n');
  const [, method, target] = requestForm.exec(line) ?? [];
  if (method === undefined || target === undefined) throw new Violation(`the request line ${JSON.stringify(line)}`);
  const fields = rest.map(readField);
  const valuesOf = (key: string): string[] => fields.filter(([name]) => name === key).map(([, value]) => value);
  if (valuesOf('host').length !== 1) throw new Violation('no Host, or several');
  // Whatever else a reader may take for one of the two.
  const framing = fields.filter(([name]) => /content.?length|transfer.?encoding/.test(name));
  if (framing.length > 1) throw new Violation('several framing fields');
  const [[name, value] = ['content-length', '0']] = framing;
  if (name === 'transfer-encoding' && value === 'chunked') {
    const body = readChunks(bytes, end + 4);
    if (body === null) return null;
    return { request: { connection, method, target, fields, body: body.text, trailers: body.trailers }, end: body.end };
  }
  if (name !== 'content-length' || !/^(?:0|[1-9]\d{0,14})$/.test(value))
    throw new Violation(`framing ${name}: ${value}`);
  const bodyEnd = end + 4 + Number(value);
  if (Number(value) > bodyMax || bytes.length < bodyEnd) return null;
  const body = bytes.toString('latin1', end + 4, bodyEnd);
  return { request: { connection, method, target, fields, body, trailers: [] }, end: bodyEnd };
}

function readField(line: string): [name: string, value: string] {
  const [, name, value] = fieldForm.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Violation(`the field line ${JSON.stringify(line)}`);
  return [name.toLowerCase(), value];
}

function readChunks(bytes: Buffer, start: number): { text: string; trailers: [string, string][]; end: number } | null {
  const parts: string[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const line = bytes.toString('latin1', at, lineEnd === -1 ? Math.min(bytes.length, at + 20) : lineEnd);
    if (!(lineEnd === -1 ? /^[0-9a-f]{0,15}\r?$/i : /^[0-9a-f]{1,15}$/i).test(line)) {
      throw new Violation(`the chunk line ${JSON.stringify(line)}`);
    }
    if (lineEnd === -1) return null;
    const size = Number.parseInt(line, 16);
    if (size === 0) {
      const trailers = readTrailers(bytes, lineEnd + 2);
      return trailers && { text: parts.join(''), ...trailers };
    }
    const dataEnd = lineEnd + 2 + size;
    if (bytes.length < dataEnd + 2) return null;
    if (bytes.toString('latin1', dataEnd, dataEnd + 2) !== '\r\n') throw new Violation('no line end behind a chunk');
    parts.push(bytes.toString('latin1', lineEnd + 2, dataEnd));
    at = dataEnd + 2;
  }
}

const forbiddenInTrailers =
  /^(?:content.?length|transfer.?encoding|host|authorization|cookie|connection|te|trailer|x-forwarded-.*)$/;

function readTrailers(bytes: Buffer, start: number): { trailers: [string, string][]; end: number } | null {
  const trailers: [string, string][] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return null;
    if (lineEnd === at) return { trailers, end: at + 2 };
    const trailer = readField(bytes.toString('latin1', at, lineEnd));
    if (forbiddenInTrailers.test(trailer[0])) throw new Violation(`the trailer ${trailer[0]}`);
    trailers.push(trailer);
    at = lineEnd + 2;
  }
}
