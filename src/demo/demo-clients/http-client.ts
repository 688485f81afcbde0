import { request } from 'node:http';

import { UsherError } from '../../errors.js';
import { demoHost } from '../demo-estate.js';

export interface Page {
  readonly status: number;
  /** Who answered, by its own word. */
  readonly server: string;
  readonly title: string;
}

export interface PageRequest {
  readonly path: string;
  readonly user: string;
  readonly password: string;
}

const timeoutMs = 10_000;
const bytesMax = 4 * 1024 * 1024;

/** Opens one page with Basic credentials. Rejects with UsherError when the answer is no page. */
export function openPage(port: number, { path, user, password }: PageRequest): Promise<Page> {
  const signal = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve, reject) => {
    const call = request({ host: demoHost, port, path, auth: `${user}:${password}`, agent: false, signal });
    call.on('error', reject);
    call.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > bytesMax) response.destroy(refused(`a page of more than ${bytesMax} bytes`, path));
        else chunks.push(chunk);
      });
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response;
        const title = /<title>([^<]*)<\/title>/i.exec(Buffer.concat(chunks).toString('utf8'))?.[1] ?? '';
        if (status === 200) resolve({ status, title, server: String(headers['x-mailbox-server'] ?? '') });
        else reject(refused(`status ${status}`, path));
      });
    });
    call.end();
  });
}

function refused(answer: string, path: string): UsherError {
  return new UsherError('failed', 'demo-refused', `the HTTP door answered ${answer} to GET ${path}`);
}
