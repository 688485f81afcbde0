import { pathText } from '../estate/problem.js';
import type { Reader } from '../store/store.js';
import { checkCompleteness } from '../topology/check/check-completeness.js';
import type { Finding } from '../topology/check/finding.js';
import { domainKey } from '../topology/mail-address.js';
import { buildTopology } from '../topology/topology.js';
import { findingsIn, toWarning } from './change-estate.js';
import { checkCertificates } from './check-certificates.js';
import { checkDirectory } from './check-directory.js';
import { checkServiceState } from './check-service-state.js';

/** Something wrong (`error`) or odd (`warning`) in the estate, as `usher check --json` shows it. */
export interface EstateFinding {
  readonly severity: Finding['severity'];
  readonly code: string;
  /** `server "MBX1"` */
  readonly object: string;
  /** The field (`components[0]`), or nothing when it is about the whole object. */
  readonly path: string;
  /** An error's stands by itself; a warning's goes on from the object (`has no link`). */
  readonly message: string;
}

/** Everything wrong or odd in the whole estate and, where it names files, on this machine; errors first. */
export function checkEstate(reader: Reader, now: Date): EstateFinding[] {
  const findings = reader.atOneMoment(() => findAll(reader, now));
  const errors = findings.filter(({ severity }) => severity === 'error');
  return [...errors, ...findings.filter(({ severity }) => severity === 'warning')].map((finding) => ({
    severity: finding.severity,
    ...toWarning(finding),
    path: pathText(finding.path),
  }));
}

function findAll(reader: Reader, now: Date): Finding[] {
  const { revision, objects } = reader.topology();
  const topology = buildTopology(revision, objects);
  const accepted = topology.domains.map(({ name }) => domainKey(name) ?? name);
  const survey = reader.surveyDirectory(accepted, (domain) => topology.acceptedDomain(domain) !== undefined);
  return [
    ...findingsIn(topology, reader),
    ...checkDirectory(survey),
    ...checkCompleteness(topology, survey),
    ...checkServiceState(topology, survey.expansionServers),
    ...checkCertificates(topology, now),
  ];
}

/** A finding in one line: `error: server "MBX1": dag: there is no dag "D"`, `warning: site "A" has no link`. */
export function findingText({ severity, object, path, message }: EstateFinding): string {
  if (severity === 'warning') return `warning: ${object} ${message}`;
  return `error: ${path === '' ? object : `${object}: ${path}`}: ${message}`;
}
