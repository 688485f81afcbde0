import { once } from 'node:events';
import { type Agent, type ClientRequest, type IncomingMessage, request as startRequest } from 'node:http';
import { request as startTlsRequest } from 'node:https';

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** An address: Basic credentials go along. */
  readonly user?: string;
  readonly agent?: Agent;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

export function basic(user: string, password = 'secret'): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** Begins a request of HTTP/1.1; certificates are not checked. */
export function begin(url: string, { method = 'GET', headers, user, agent }: AskOptions = {}): ClientRequest {
  const start = url.startsWith('https:') ? startTlsRequest : startRequest;
  const options = {
    method,
    headers: { ...(user !== undefined && { authorization: basic(user) }), ...headers },
    agent: agent ?? false,
    rejectUnauthorized: false,
  };
  return start(url, options as object);
}

/** One request and its whole answer. @throws Error where the connection breaks before the answer is whole */
export async function ask(url: string, options: AskOptions = {}): Promise<Answered> {
  const request = begin(url, options);
  request.end(options.body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() };
}

/** The cookies that answers set, as the Cookie field of later requests. */
export class CookieJar {
  readonly #cookies = new Map<string, string>();

  take(answer: Answered): void {
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      if (value === '' || /;\s*max-age=0/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }

  get header(): Record<string, string> {
    return { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
  }

  names(): string[] {
    return [...this.#cookies.keys()];
  }
}
