import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { afterAll } from 'vitest';
import { findProgram } from '../find-program.js';
import { removeTempDir, tempDir } from '../temp-dir.js';
import { until } from '../until.js';
import { processGroup } from './process-group.js';

export interface ChromiumOptions {
  /** Host names that lead to 127.0.0.1; all others are not found. */
  readonly hosts: readonly string[];
  /** The one certificate that is trusted though no authority knows it, as PEM. */
  readonly certificate: string;
}

/** A browser without a window; every page shares its cookies. */
export interface Chromium {
  readonly pid: number;
  openPage(): Promise<Page>;
  /** Closed at the end of the test file where the test did not. */
  stop(): Promise<void>;
}

/** A tab. */
export interface Page {
  /** Returns when the document is there; @throws Error where it cannot be loaded */
  open(url: string): Promise<void>;
  /** The value of a JavaScript expression, or what its promise gives, by way of JSON; @throws Error where it throws */
  value<T>(expression: string): Promise<T>;
  /** Asks until the expression gives something true, over changes of the document too. */
  untilValue<T>(expression: string, timeoutMs?: number): Promise<T>;
}

const live = new Set<Chromium>();

afterAll(async () => {
  for (const browser of live) await browser.stop();
});

/** Starts Chromium; it speaks to 127.0.0.1 alone and ends with this process. @throws Error where it does not start */
export async function startChromium(options: ChromiumOptions): Promise<Chromium> {
  const path = findProgram('chromium');
  if (path === undefined) throw new Error('chromium is not installed');
  const profile = tempDir('chromium');
  // It ends when the pipes 3 and 4 are closed.
  const stdio = ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] as const;
  const child = spawn(path, programArguments(profile, options), { detached: true, stdio: [...stdio], cwd: profile });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const tools = new DevTools(child);
  const browser: Chromium = {
    pid,
    openPage: () => openPage(tools),
    async stop() {
      if (!live.delete(browser)) return;
      tools.tell('Browser.close');
      await endOf(child, pid);
      removeTempDir(profile);
    },
  };
  live.add(browser);
  await tools.ask('Browser.getVersion');
  return browser;
}

function programArguments(profile: string, { hosts, certificate }: ChromiumOptions): string[] {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return [
    '--headless=new',
    '--remote-debugging-pipe',
    `--user-data-dir=${profile}`,
    `--host-resolver-rules=${hosts.map((host) => `MAP ${host} 127.0.0.1,`).join('')}MAP * ~NOTFOUND,EXCLUDE 127.0.0.1`,
    `--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`,
    '--no-proxy-server',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-default-apps',
    '--disable-dev-shm-usage',
    '--disable-domain-reliability',
    '--disable-extensions',
    '--disable-gpu',
    '--disable-sync',
    '--no-first-run',
    '--no-pings',
    '--metrics-recording-only',
    '--password-store=basic',
    // Its sandbox is not for root.
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    'about:blank',
  ];
}

async function endOf(child: ChildProcess, group: number): Promise<void> {
  const isGone = (): boolean =>
    (child.exitCode !== null || child.signalCode !== null) && processGroup(group).length === 0;
  try {
    await until('chromium to end', isGone, 3000);
  } catch {
    // It hangs: what it held is a temporary profile.
    process.kill(-group, 'SIGKILL');
    await until('chromium to end after SIGKILL', isGone, 5000);
  }
}

async function openPage(tools: DevTools): Promise<Page> {
  const { targetId } = (await tools.ask('Target.createTarget', { url: 'about:blank' })) as { targetId: string };
  const attached = await tools.ask('Target.attachToTarget', { targetId, flatten: true });
  const { sessionId } = attached as { sessionId: string };
  const ask = (method: string, params: object = {}): Promise<unknown> => tools.ask(method, params, sessionId);
  await ask('Page.enable');
  const value = async <T>(expression: string): Promise<T> => {
    const asked = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = (await ask('Runtime.evaluate', asked)) as Evaluated;
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? 'it throws'}`);
    return result.value as T;
  };
  return {
    async open(url) {
      const loaded = tools.next('Page.domContentEventFired', sessionId);
      const { errorText } = (await ask('Page.navigate', { url })) as { errorText?: string };
      if (errorText) throw new Error(`${url}: ${errorText}`);
      await loaded;
    },
    value,
    untilValue: <T>(expression: string, timeoutMs?: number) =>
      until<T>(
        expression,
        async () => {
          try {
            return (await value<T | undefined>(expression)) || undefined;
          } catch (error) {
            // The document went away while it was asked.
            if (error instanceof DevToolsFailure) return undefined;
            throw error;
          }
        },
        timeoutMs,
      ),
  };
}

interface Evaluated {
  readonly result: { readonly value?: unknown };
  readonly exceptionDetails?: { readonly exception?: { readonly description?: string } };
}

interface Told {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

class DevToolsFailure extends Error {}

const answerTimeoutMs = 20_000;

/** The DevTools protocol over two pipes: JSON, each message ended by NUL. */
class DevTools {
  readonly #writable: Writable;
  readonly #waiting = new Map<number | string, { done(told: Told): void; failed(error: Error): void }>();
  #lastId = 0;
  #unread = '';

  constructor(child: ChildProcess) {
    const [, , stderr, writable, readable] = child.stdio;
    this.#writable = writable as Writable;
    let complaints = '';
    stderr?.on('data', (chunk: Buffer) => {
      complaints = (complaints + chunk.toString()).slice(-4096);
    });
    this.#writable.on('error', (error) => this.#fail(error));
    const reading = readable as Readable;
    reading.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    child.once('close', () => this.#fail(new Error(`chromium ended\n${complaints}`)));
  }

  /** @throws Error with what Chromium says is wrong, or after 20 s */
  async ask(method: string, params: object = {}, sessionId?: string): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = this.#wait(id, method);
    this.#writable.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    const { result, error } = await answered;
    if (error) throw new DevToolsFailure(`${method}: ${error.message}`);
    return result;
  }

  /** Without waiting for an answer. */
  tell(method: string): void {
    this.#lastId += 1;
    if (this.#writable.writable) this.#writable.write(`${JSON.stringify({ id: this.#lastId, method })}\0`);
  }

  /** The next event of that name. */
  async next(event: string, sessionId: string): Promise<void> {
    await this.#wait(`${sessionId} ${event}`, event);
  }

  #wait(key: number | string, what: string): Promise<Told> {
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => {
        clearTimeout(timer);
        this.#waiting.delete(key);
        reject(error);
      };
      const timer = setTimeout(() => failed(new Error(`chromium says nothing to ${what}`)), answerTimeoutMs);
      const done = (told: Told): void => {
        clearTimeout(timer);
        this.#waiting.delete(key);
        resolve(told);
      };
      this.#waiting.set(key, { done, failed });
    });
  }

  #read(text: string): void {
    const messages = (this.#unread + text).split('\0');
    this.#unread = messages.pop() ?? '';
    for (const message of messages) {
      const told = JSON.parse(message) as Told;
      this.#waiting.get(told.id ?? `${told.sessionId} ${told.method}`)?.done(told);
    }
  }

  #fail(error: Error): void {
    for (const asked of this.#waiting.values()) asked.failed(error);
  }
}
