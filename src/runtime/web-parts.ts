import { createServerMemory } from '../health/server-memory.js';
import { createHttpLog } from '../observability/http-log.js';
import type { Logger } from '../observability/log.js';
import { ServerPools } from '../session/http/server-pools.js';
import type { WebServices } from '../session/http/web-door.js';
import { httpLogFolder } from '../settings.js';

/** What the web doors of a front end have beside what every door has, and share among them. */
export interface WebParts extends Pick<WebServices, 'recordRequest' | 'servers'> {
  readonly pools: ServerPools;
  /** Ends the connections to servers and writes out what the log still holds. */
  close(): Promise<void>;
}

/** The HTTP log, the server connections and what is remembered of servers. */
export function createWebParts(storePath: string, log: Logger): WebParts {
  const httpLog = createHttpLog({
    folder: httpLogFolder(storePath),
    nowMs: Date.now,
    onTrouble: (trouble) => log.error({ ...trouble }, 'trouble with a log'),
  });
  const pools = new ServerPools();
  return {
    pools,
    recordRequest: (record) => httpLog.write(record),
    servers: createServerMemory(() => performance.now()),
    async close() {
      pools.destroy();
      await httpLog.close();
    },
  };
}
