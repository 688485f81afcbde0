import type { CallRecord } from '../../observability/call-record.js';
import type { DoorServices } from '../door-services.js';

/** What the call router is given beside what every door has. */
export interface CallServices extends DoorServices {
  /** One record a call. */
  recordCall(record: CallRecord): void;
  /** Counts an event under its labels. */
  count(name: string, labels: Readonly<Record<string, string>>): void;
}

/** Who sent a message, as far as it is known for sure. */
export interface SipPeer {
  readonly address: string;
  readonly port: number;
  readonly transport: 'udp' | 'tcp' | 'tls';
  /** Names of the certificate that was shown and checked, in lower case. */
  readonly certificateNames: readonly string[];
  readonly listener: string;
}
