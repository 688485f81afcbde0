import type { SecureContext } from 'node:tls';
import type { Logger } from '../observability/log.js';
import type { Availability } from '../routing/availability.js';
import type { Target } from '../routing/decision.js';
import type { Server } from '../topology/catalogue/catalogue.js';
import type { Directory } from '../topology/directory.js';
import type { Topology } from '../topology/topology.js';
import type { SessionRegistry } from './session-registry.js';

/** The estate as it is in force at one moment, and the front end that this runtime is. A conversation keeps its own. */
export interface Snapshot {
  readonly topology: Topology;
  readonly directory: Directory;
  readonly frontEnd: Server;
}

/** What every door is given to hand its conversations on. */
export interface DoorServices {
  /** The estate in force now. */
  snapshot(): Snapshot;
  /** The newest revision, taken up if it was not yet: for a mailbox whose database the snapshot does not know. */
  freshSnapshot(): Snapshot;
  readonly availability: Availability;
  /** Whether logins of a mailbox, by its own address, are refused for a while because it is being moved. */
  isHeld(mailbox: string): boolean;
  /** Turns equal targets so that conversations take turns among them. */
  rotate(targets: readonly Target[]): readonly Target[];
  /**
   * What the servers behind the doors of a protocol all say they can do before a login, in their words (IMAP
   * capabilities, POP CAPA lines); null while none has answered. The same list as long as nothing has changed.
   */
  serverCapabilities(protocol: 'imap' | 'pop'): readonly string[] | null;
  readonly sessions: SessionRegistry;
  readonly log: Logger;
  /**
   * The certificate to show: the named one, else the one that fits the name the client asked for (null: none).
   * `clientCa` is the file of the authorities for certificates that clients show; default: the well-known ones.
   */
  secureContext(certificate: string | null, serverName: string | null, clientCa?: string | null): SecureContext;
}
