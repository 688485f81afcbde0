import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { systemCodeOf, UsherError } from '../errors.js';
import type { ControlAnswer, ControlRequest } from './messages.js';
import { lineLengthMax } from './messages.js';

/** Nobody answers at a control socket: the runtime is not running, or does not speak in time. */
export class NotReachable extends UsherError {
  /** Whether nobody listens there at all, so that there is nobody to wait for. */
  readonly isAbsent: boolean;

  constructor(message: string, systemCode?: string) {
    super('unreachable', 'not-running', message, ['usher start']);
    this.isAbsent = systemCode === 'ECONNREFUSED' || systemCode === 'ENOENT';
  }
}

/** Asks the runtime behind a control socket one thing. */
export function askRuntime(path: string, request: ControlRequest, timeoutMs: number): Promise<ControlAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    const fail = (reason: string, systemCode?: string): void => {
      socket.destroy();
      reject(new NotReachable(reason, systemCode));
    };
    socket.setTimeout(timeoutMs, () => fail(`the runtime at ${path} did not answer within ${timeoutMs} ms`));
    socket.on('error', (error) => fail(`no runtime answers at ${path} (${error.message})`, systemCodeOf(error)));
    socket.on('close', () => fail(`the runtime at ${path} closed the connection without an answer`));
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end < 0 && text.length > lineLengthMax) return fail(`the runtime at ${path} sent too long an answer`);
      if (end < 0) return;
      const answer = readAnswer(text.slice(0, end));
      if (!answer) return fail(`what answers at ${path} is no runtime`);
      socket.removeAllListeners('close');
      socket.destroy();
      resolve(answer);
    });
  });
}

function readAnswer(line: string): ControlAnswer | undefined {
  try {
    const answer: unknown = JSON.parse(line);
    return typeof answer === 'object' && answer !== null && 'answer' in answer ? (answer as ControlAnswer) : undefined;
  } catch {
    return undefined; // not JSON, so not a runtime; the caller says so
  }
}

/** The control sockets in a folder whose names begin with a prefix. */
export function findSockets(folder: string, prefix: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith(prefix) && name.endsWith('.sock'))
      .map((name) => join(folder, name));
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
