/* oxlint-disable vitest/no-conditional-tests, vitest/valid-title, vitest/valid-describe-callback, vitest/expect-expect, vitest/no-disabled-tests
   -- these functions stand for describe and it; titles, bodies and assertions are their callers' */
import { spawnSync } from 'node:child_process';
import { describe, type TestOptions, test } from 'vitest';
import { findProgram } from './find-program.js';

/** The programs of others that tests speak to. */
export type PeerName =
  | 'dovecot'
  | 'postfix'
  | 'smtp-sink'
  | 'smtp-source'
  | 'nginx'
  | 'swaks'
  | 'swaks-tls'
  | 'curl'
  | 'mbsync'
  | 'fetchmail'
  | 'curl-ntlm'
  | 'wrk'
  | 'h2load'
  | 'chromium'
  | 'openssl'
  | 'sipp';

/** Whether a peer can be used on this machine; `reason` says why not and what would help. */
export type PeerState = { readonly available: true } | { readonly available: false; readonly reason: string };

interface Requirement {
  readonly programs: readonly string[];
  readonly packages: string;
  readonly perlModule?: string;
  /** Among the features that `curl --version` names. */
  readonly feature?: string;
  readonly needsRoot?: true;
}

const requirements: Readonly<Record<PeerName, Requirement>> = {
  dovecot: {
    programs: ['dovecot', 'imap-login', 'pop3-login'],
    packages: 'dovecot-imapd dovecot-pop3d',
  },
  // Its master process gives every daemon a user of its own.
  postfix: { programs: ['postfix', 'postconf', 'master'], packages: 'postfix', needsRoot: true },
  'smtp-sink': { programs: ['smtp-sink'], packages: 'postfix' },
  'smtp-source': { programs: ['smtp-source'], packages: 'postfix' },
  nginx: { programs: ['nginx'], packages: 'nginx-light' },
  swaks: { programs: ['swaks'], packages: 'swaks' },
  'swaks-tls': { programs: ['swaks'], packages: 'swaks libnet-ssleay-perl', perlModule: 'Net::SSLeay' },
  curl: { programs: ['curl'], packages: 'curl' },
  mbsync: { programs: ['mbsync'], packages: 'isync' },
  fetchmail: { programs: ['fetchmail'], packages: 'fetchmail' },
  'curl-ntlm': { programs: ['curl'], packages: 'curl', feature: 'NTLM' },
  wrk: { programs: ['wrk'], packages: 'wrk' },
  h2load: { programs: ['h2load'], packages: 'nghttp2-client' },
  chromium: { programs: ['chromium'], packages: 'chromium' },
  openssl: { programs: ['openssl'], packages: 'openssl' },
  sipp: { programs: ['sipp'], packages: 'sip-tester' },
};

/** Looks for a peer's programs. */
export function peer(name: PeerName): PeerState {
  const { programs, packages, perlModule, feature, needsRoot } = requirements[name];
  const isThere = programs.every((program) => findProgram(program) !== undefined);
  if (!isThere || (perlModule !== undefined && !hasPerlModule(perlModule))) {
    return { available: false, reason: `${name} is not installed (apt-get install ${packages})` };
  }
  if (feature !== undefined && !hasFeature(feature)) {
    return { available: false, reason: `this curl was built without ${feature} (apt-get install ${packages})` };
  }
  if (needsRoot && process.getuid?.() !== 0) {
    return { available: false, reason: `${name} can only be started by root (run the tests as root)` };
  }
  return { available: true };
}

function hasPerlModule(name: string): boolean {
  const perl = findProgram('perl');
  return perl !== undefined && spawnSync(perl, [`-M${name}`, '-e', ''], { stdio: 'ignore' }).status === 0;
}

function hasFeature(name: string): boolean {
  const { stdout } = spawnSync(findProgram('curl') ?? 'curl', ['--version'], { encoding: 'utf8' });
  return new RegExp(`^Features:.* ${name}(?: |$)`, 'm').test(stdout);
}

/** As `describe`, skipped with a reason where a peer is missing; with USHER_REQUIRE_PEERS=1 a missing peer fails. */
export function describePeer(names: PeerName | readonly PeerName[], title: string, body: () => void): void {
  const reason = missing(names);
  if (reason === undefined) {
    describe(title, body);
  } else if (isRequired()) {
    describe(title, () => {
      test('finds its peers', () => Promise.reject(new Error(reason)));
    });
  } else {
    describe.skip(`${title} (skipped: ${reason})`, body);
  }
}

/** As `it`, skipped with a reason where a peer is missing; with USHER_REQUIRE_PEERS=1 a missing peer fails. */
export function itWithPeers(
  names: PeerName | readonly PeerName[],
  title: string,
  body: () => Promise<void>,
  options: TestOptions = {},
): void {
  const reason = missing(names);
  if (reason === undefined) test(title, options, body);
  else if (isRequired()) test(title, () => Promise.reject(new Error(reason)));
  else test.skip(`${title} (skipped: ${reason})`, options, body);
}

function missing(names: PeerName | readonly PeerName[]): string | undefined {
  const reasons = [names].flat().flatMap((name) => {
    const state = peer(name);
    return state.available ? [] : [state.reason];
  });
  return reasons.length === 0 ? undefined : reasons.join('; ');
}

function isRequired(): boolean {
  return process.env['USHER_REQUIRE_PEERS'] === '1';
}
