import { createGatewayProbe, type GatewayProbe } from '../health/gateway-probe.js';
import { createCallLog } from '../observability/call-log.js';
import type { Logger } from '../observability/log.js';
import type { Snapshot } from '../session/door-services.js';
import type { CallServices } from '../session/sip/call-services.js';
import { callLogFolder } from '../settings.js';

export interface CallPartsOptions {
  readonly storePath: string;
  /** The estate in force now. */
  readonly snapshot: () => Snapshot;
  readonly log: Logger;
}

/** What the call router of a front end has beside what every door has. */
export interface CallParts extends Pick<CallServices, 'recordCall'> {
  readonly gateways: GatewayProbe;
  /** Asks gateways no more, and writes out what the log still holds. */
  close(): Promise<void>;
}

/** The call log, and the questions to gateways. */
export function createCallParts({ storePath, snapshot, log }: CallPartsOptions): CallParts {
  const callLog = createCallLog({
    folder: callLogFolder(storePath),
    nowMs: Date.now,
    onTrouble: (trouble) => log.error({ ...trouble }, 'trouble with a log'),
  });
  const gateways = createGatewayProbe({ snapshot, log });
  return {
    recordCall: (record) => callLog.write(record),
    gateways,
    close() {
      gateways.close();
      return callLog.close();
    },
  };
}
