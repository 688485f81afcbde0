import { invalidError, pathText } from '../estate/problem.js';
import type { EstateFile } from '../estate/read-estate.js';
import type { ChangeMeta, ChangeOptions, Transaction } from '../store/change.js';
import type { ObjectChange } from '../store/revisions.js';
import type { Store } from '../store/store.js';
import { openStore } from '../store/store.js';
import { checkTopology } from '../topology/check/check-topology.js';
import type { Finding } from '../topology/check/finding.js';
import { nameKey } from '../topology/names.js';
import type { Topology } from '../topology/topology.js';
import { buildTopology } from '../topology/topology.js';
import { checkSendConnectors } from './check-send-connectors.js';

export type { ChangeMeta, ChangeOptions, Store };
export { openStore };

export interface Warning {
  readonly code: string;
  readonly object: string;
  readonly message: string;
}

/** What a changing command answers. `revision` is null for a dry run. */
export interface ChangeResult {
  readonly revision: number | null;
  readonly changed: readonly ObjectChange[];
  readonly warnings: readonly Warning[];
}

/** Says where a finding is, for errors: a place in a file, or the object and its field. */
export type Place = (finding: Finding) => string;

export const objectPlace: Place = (finding) => {
  const object = `${finding.noun} "${finding.name}"`;
  return finding.path.length === 0 ? object : `${object}: ${pathText(finding.path)}`;
};

/** Places in an estate file for the objects that it names, else the object. */
export function filePlace(file: EstateFile): Place {
  return (finding) => {
    const name = nameKey(finding.name);
    const entry = file.entries.find((entry) => entry.noun.name === finding.noun && nameKey(entry.name) === name);
    return entry ? file.place([...entry.path, ...finding.path]) : objectPlace(finding);
  };
}

/**
 * Edits the estate in one transaction and checks the whole of it before it is committed. What was wrong before does
 * not stop a change; what the change makes wrong does, and then nothing is written.
 */
export function changeEstate(
  store: Store,
  meta: ChangeMeta,
  options: ChangeOptions,
  edit: (transaction: Transaction) => void,
  place: Place = objectPlace,
): ChangeResult {
  const { revision, changed, result } = store.change(meta, options, (transaction) => {
    const known = new Set(findingsOf(transaction).map(keyOf));
    edit(transaction);
    if (transaction.changed().length === 0) return [];
    const findings = findingsOf(transaction).filter((finding) => !known.has(keyOf(finding)));
    const errors = findings.filter((finding) => finding.severity === 'error');
    if (errors.length > 0) throw invalidError(errors.map((finding) => `${place(finding)}: ${finding.message}`));
    return findings;
  });
  return { revision, changed, warnings: result.map(toWarning) };
}

const keyOf = (finding: Finding): string => `${finding.code} ${finding.noun} ${finding.name} ${finding.message}`;

function findingsOf(transaction: Transaction): Finding[] {
  const { revision, objects } = transaction.topology();
  return findingsIn(buildTopology(revision, objects), transaction);
}

/** Everything wrong or odd that a change can bring about; what an estate only lacks as yet, `checkEstate` tells. */
export function findingsIn(topology: Topology, reader: Pick<Store, 'duplicateExtension'>): Finding[] {
  const findings = [...checkTopology(topology), ...checkSendConnectors(topology)];
  const duplicate = reader.duplicateExtension();
  if (duplicate) {
    const { extension, dialPlan, addresses } = duplicate;
    const plan = dialPlan === null ? '' : ` of dial plan "${dialPlan}"`;
    const message = `extension ${extension}${plan} belongs to ${addresses.join(' and ')}`;
    const name = addresses[0] ?? '';
    findings.push({ severity: 'error', code: 'extension-taken', noun: 'mailbox', name, path: ['extension'], message });
  }
  return findings;
}

export function toWarning(finding: Finding): Warning {
  return { code: finding.code, object: `${finding.noun} "${finding.name}"`, message: finding.message };
}
