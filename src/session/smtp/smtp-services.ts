import type { SecureContext } from 'node:tls';
import type { ProtocolAgent } from '../../filtering/protocol-agent.js';
import type { ProtocolSession } from '../../observability/protocol-log.js';
import type { TrackingRecord } from '../../observability/tracking.js';
import type { Topology } from '../../topology/topology.js';
import type { DoorServices } from '../door-services.js';
import type { Outbound } from '../outbound/outbound.js';

/** The certificate to show for the name the client asked for; null when it named none. */
export type ContextFor = (serverName: string | null) => SecureContext;

/** What the SMTP door is given beside what every door has. */
export interface SmtpServices extends DoorServices {
  /** The protocol agents of an estate: the built-in ones and those of the administrator. */
  agentsOf(topology: Topology): readonly ProtocolAgent[];
  /** For mail that leaves the estate from here. */
  readonly outbound: Pick<Outbound, 'open'>;
  /** One record a message. */
  readonly tracking: { record(record: TrackingRecord): void };
  /** The record of a session's commands and replies. */
  readonly protocolLog: {
    session(session: ProtocolLogSession): ProtocolSession;
  };
  /** Counts an event under its labels. */
  count(name: string, labels: Readonly<Record<string, string>>): void;
}

export interface ProtocolLogSession {
  readonly connector: string;
  readonly sessionId: string;
  readonly local: string;
  readonly remote: string;
}
