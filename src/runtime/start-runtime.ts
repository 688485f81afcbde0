import { once } from 'node:events';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ControlAnswer, ControlRequest, DoorStatus, Refusal, RuntimeStatus } from '../control/messages.js';
import { UsherError } from '../errors.js';
import type { CapabilityProbe } from '../health/capability-probe.js';
import { createCapabilityProbe } from '../health/capability-probe.js';
import { type ServerAddresses, watchServerAddresses } from '../health/server-addresses.js';
import type { Logger } from '../observability/log.js';
import { createLog } from '../observability/log.js';
import { allUp } from '../routing/availability.js';
import type { Snapshot } from '../session/door-services.js';
import { createSessionRegistry } from '../session/session-registry.js';
import { socketPath, stateFolder } from '../settings.js';
import { answerSessionRequest, createIdPrefix, type SessionParts } from './answer-session-request.js';
import { type CallParts, createCallParts } from './call-parts.js';
import type { CertificateStore } from './certificates.js';
import { createCertificateStore } from './certificates.js';
import { createSessionCloser } from './close-sessions.js';
import { openControlSocket } from './control-server.js';
import type { DoorKeepers, KeptServices } from './door-keepers.js';
import { createDoorKeepers } from './door-keepers.js';
import type { DoorSet } from './door-set.js';
import { createDoorSet } from './door-set.js';
import type { LiveEstate } from './live-estate.js';
import { openLiveEstate } from './live-estate.js';
import type { MailServices } from './mail-services.js';
import { createMailServices } from './mail-services.js';
import { createMailboxHolds } from './mailbox-holds.js';
import { createOutboundParts } from './outbound-parts.js';
import { createRotation } from './rotation.js';
import { wantedDoors } from './wanted-doors.js';
import { createWebParts, type WebParts } from './web-parts.js';

export interface RuntimeOptions {
  readonly storePath: string;
  readonly frontEnd?: string | undefined;
  /** The control socket, when it is not to be the usual one of store and front end. */
  readonly controlSocket?: string | undefined;
  /** Where the log goes; null is standard error. Beside the store unless given. */
  readonly logFile?: string | null | undefined;
  readonly version: string;
}

const countersMax = 1000;
/** How long the start waits for the names of mailbox servers. */
const addressesTimeoutMs = 3000;
/** How often certificate files are looked at; the timer holds nothing up. */
const certificateLookMs = 10_000;

/** A front end at work. */
export interface Runtime {
  status(): RuntimeStatus;
  /** Closes the doors, lets sessions end for so long, then ends them. How many had to be ended. */
  stop(timeoutMs: number): Promise<number>;
  /** Resolves when the runtime has stopped, whoever asked for it. */
  readonly stopped: Promise<void>;
}

/** The composition root: builds the parts of a front end, opens every door, and says so or fails with nothing left running. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const parts = buildParts(options);
  try {
    return await openEverything(parts, options);
  } catch (error) {
    parts.doors.closeAll();
    parts.office.closer.stop();
    parts.probe.close();
    parts.addresses.close();
    parts.keepers.close();
    parts.estate.close();
    await Promise.all([parts.mail.close(), parts.web.close(), parts.calls.close()]);
    throw error;
  }
}

interface Parts {
  readonly log: Logger;
  readonly estate: LiveEstate;
  readonly certificates: CertificateStore;
  readonly doors: DoorSet;
  readonly keepers: DoorKeepers;
  readonly office: SessionParts;
  readonly probe: CapabilityProbe;
  readonly addresses: ServerAddresses;
  readonly mail: MailServices;
  readonly web: WebParts;
  readonly calls: CallParts;
  readonly reconciler: { run: () => Promise<Refusal | null>; refused: () => Refusal | null };
}

function buildParts({ storePath, frontEnd, logFile }: RuntimeOptions): Parts {
  const folder = stateFolder(storePath);
  const log = createLog(logFile === undefined ? join(folder, 'usher.log') : logFile);
  const sessions = createSessionRegistry();
  const certificates = createCertificateStore(folder);
  certificates.watch(certificateLookMs, log);
  const estate = openLiveEstate({
    storePath,
    frontEnd,
    host: hostname(),
    log,
    onChange() {
      void reconciler.run();
      void addresses.refresh();
      calls.gateways.refresh();
      closer.closeDisplaced();
    },
  });
  const addresses = watchServerAddresses({
    topology: () => estate.snapshot().topology,
    onChange: (found) => estate.placeServers(found),
    log,
  });
  const closer = createSessionCloser({ sessions, snapshot: () => estate.snapshot(), log });
  const holds = createMailboxHolds(() => performance.now());
  const mail = createMailServices(storePath, folder, log);
  const probe = createCapabilityProbe({ snapshot: () => estate.snapshot(), log });
  const web = createWebParts(storePath, log);
  const calls = createCallParts({ storePath, snapshot: () => estate.snapshot(), log });
  const outbound = createOutboundParts(log, mail.sendLog);
  const services: KeptServices = {
    ...mail,
    ...web,
    outbound,
    recordCall: (record) => calls.recordCall(record),
    routeKeys: () => estate.routeKeys(),
    snapshot: () => estate.snapshot(),
    freshSnapshot: () => estate.newest(),
    availability: allUp,
    isHeld: (mailbox) => holds.isHeld(mailbox),
    serverCapabilities: (protocol) => probe.of(protocol),
    rotate: createRotation(),
    sessions,
    log,
    secureContext: (...asked) => certificates.contextFor(...asked),
  };
  const keepers = createDoorKeepers(services, { pools: web.pools, outbound });
  const doors = createDoorSet(keepers);
  const reconciler = createReconciler({ estate, certificates, doors, keepers, mail, log });
  const office = { sessions, closer, holds, snapshot: () => estate.snapshot(), idPrefix: createIdPrefix() };
  return { log, estate, certificates, doors, keepers, office, probe, addresses, mail, web, calls, reconciler };
}

/** Brings doors and certificates in line with the estate in force, one run after the other. */
function createReconciler(
  parts: Pick<Parts, 'estate' | 'certificates' | 'doors' | 'keepers' | 'mail' | 'log'>,
): Parts['reconciler'] {
  let running: Promise<Refusal | null> = Promise.resolve(null);
  let refused: Refusal | null = null;
  const once = async (): Promise<Refusal | null> => {
    const snapshot = parts.estate.snapshot();
    const problems = [
      ...(await parts.certificates.load(snapshot)),
      ...(await parts.mail.load(snapshot)),
      ...missingFrontEnd(snapshot),
    ];
    for (const failure of await parts.doors.reconcile(wantedDoors(snapshot))) {
      problems.push(`door "${failure.wanted.owners.join(', ')}": ${failure.reason}`);
    }
    parts.keepers.forgetUnless((listener) => snapshot.topology.listeners.some(({ name }) => name === listener));
    refused = problems.length === 0 ? null : { revision: snapshot.topology.revision, reason: problems.join('; ') };
    if (refused) parts.log.error({ ...refused }, 'a revision could not be put in force whole');
    return refused;
  };
  return {
    run: () => (running = running.then(once, once)),
    refused: () => refused,
  };
}

function missingFrontEnd({ topology, frontEnd }: Snapshot): string[] {
  if (topology.server(frontEnd.name)) return [];
  return [`front end "${frontEnd.name}" is no longer in the estate; the one last known stays in force`];
}

async function openEverything(parts: Parts, options: RuntimeOptions): Promise<Runtime> {
  const { estate, doors, log, reconciler } = parts;
  const startedAt = Date.now();
  const { name } = estate.snapshot().frontEnd;
  const path = options.controlSocket ?? socketPath(options.storePath, name);
  let runtime: Runtime | undefined;
  const control = await openControlSocket(path, (request) => answerControl(parts, () => runtime, request));
  // A server that is not known yet would be refused as a stranger.
  await Promise.race([parts.addresses.refresh(), once(AbortSignal.timeout(addressesTimeoutMs), 'abort')]);
  const refused = await reconciler.run();
  if (refused) {
    control.close();
    throw new UsherError('failed', 'door-not-open', `${name} cannot be started: ${refused.reason}`);
  }
  const status = (): RuntimeStatus => ({
    running: true,
    pid: process.pid,
    frontEnd: name,
    revision: estate.snapshot().topology.revision,
    refused: reconciler.refused(),
    doors: doorStatus(doors),
    sessions: parts.office.sessions.countByProtocol(),
    uptimeMs: Date.now() - startedAt,
    store: options.storePath,
    version: options.version,
    notes: notesOf(parts),
    counters: parts.mail.counters.snapshot().series.slice(0, countersMax),
  });
  let stopped: () => void = () => undefined;
  const whenStopped = new Promise<void>((resolve) => (stopped = resolve));
  let stopping: Promise<number> | undefined;
  const stop = async (timeoutMs: number): Promise<number> => {
    log.info({ timeoutMs }, 'stopping');
    doors.closeAll();
    parts.office.closer.stop();
    const ended = await parts.office.sessions.drain(timeoutMs);
    parts.keepers.close();
    control.close();
    estate.close();
    parts.probe.close();
    parts.addresses.close();
    await Promise.all([parts.mail.close(), parts.web.close(), parts.calls.close()]);
    log.info({ sessionsClosed: ended }, 'stopped');
    stopped();
    return ended;
  };
  runtime = { status, stop: (timeoutMs) => (stopping ??= stop(timeoutMs)), stopped: whenStopped };
  log.info(
    { frontEnd: name, revision: status().revision, doors: status().doors.map((door) => door.address) },
    'started',
  );
  return runtime;
}

/** What an administrator should know of a runtime that works. */
function notesOf({ estate, certificates, calls }: Parts): string[] {
  const trouble = estate.trouble();
  const followed = trouble === null ? [] : [`the store cannot be followed: ${trouble}`];
  return [...certificates.notes(), ...followed, ...calls.gateways.notes()];
}

const doorStatus = (doors: DoorSet): DoorStatus[] => doors.status().sort((a, b) => (a.address < b.address ? -1 : 1));

async function answerControl(
  parts: Parts,
  runtime: () => Runtime | undefined,
  request: ControlRequest,
): Promise<ControlAnswer> {
  const running = runtime();
  if (!running) return { answer: 'error', reason: 'the runtime is still starting' };
  switch (request.ask) {
    case 'status':
      return { answer: 'status', status: running.status() };
    case 'take-up': {
      parts.estate.takeUp();
      const refused = await parts.reconciler.run();
      return { answer: 'taken-up', revision: parts.estate.snapshot().topology.revision, refused };
    }
    case 'stop':
      return { answer: 'stopped', sessionsClosed: await running.stop(request.timeoutMs) };
    case 'sessions':
    case 'close-sessions':
    case 'hold':
    case 'close-held':
    case 'release':
      return answerSessionRequest(parts.office, request);
    default:
      return { answer: 'error', reason: `unknown request ${JSON.stringify(request)}` };
  }
}
