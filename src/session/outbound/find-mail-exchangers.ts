import type { DnsRecord, DnsResolver } from '../../net/dns-resolver.js';
import type { SmtpReply } from '../../protocols/smtp/replies.js';
import { step, type TraceStep } from '../../routing/decision.js';
import {
  type ChosenExchangers,
  chooseExchangers,
  type ExchangerRules,
  type KnownExchanger,
  type MailExchanger,
  readExchangers,
} from '../../routing/mail-exchangers.js';
import { canonicalAddress, isAddress } from '../../topology/ranges.js';
import { findAddresses, findExchangerAddresses } from './find-addresses.js';
import { findReplies } from './find-replies.js';
import type { FoundHosts } from './outbound-host.js';

export interface ExchangerParts {
  readonly resolver: DnsResolver;
  readonly random: () => number;
  readonly rules: ExchangerRules;
  readonly port: number;
}

/** Names that are looked up at a time, and notes of what was left out. */
const lookupsMax = 10;
const notesMax = 20;

const none = (reply: SmtpReply, trace: readonly TraceStep[]): FoundHosts => ({ kind: 'none', reply, trace });
const mxStep = (domain: string, words: string): TraceStep => step('outbound/mx', `${domain} -> ${words}`);

/** The hosts that take mail for a domain, as its MX records or in their place its addresses say; RFC 5321 §5.1. */
export async function findMailExchangers(domain: string, parts: ExchangerParts): Promise<FoundHosts> {
  if (domain.startsWith('[')) return findLiteral(domain, parts);
  const found = await parts.resolver.records(domain, 'MX');
  switch (found.kind) {
    case 'failed':
      return none(findReplies.dnsFailed(domain), [
        mxStep(domain, `nobody: its MX could not be looked up: ${found.reason}`),
      ]);
    case 'absent':
      if (found.code === 'ENODATA') return findImplicit(domain, parts);
      return none(findReplies.noDomain(domain), [mxStep(domain, 'nobody: there is no such domain')]);
    case 'records':
      return findRecorded(domain, found.records.filter(isExchanger), parts);
  }
}

type ExchangerRecord = Extract<DnsRecord, { readonly exchange: string }>;
const isExchanger = (record: DnsRecord): record is ExchangerRecord =>
  typeof record === 'object' && 'exchange' in record;

async function findRecorded(
  domain: string,
  records: readonly ExchangerRecord[],
  parts: ExchangerParts,
): Promise<FoundHosts> {
  const read = readExchangers(records, parts.random);
  switch (read.kind) {
    case 'none':
      return findImplicit(domain, parts);
    case 'null':
      return none(findReplies.nullMx(domain), [mxStep(domain, 'nobody: it takes no mail (null MX)')]);
    case 'exchangers': {
      const chosen = await lookUpExchangers(read.exchangers, parts);
      return answerOf(domain, { ...chosen, leftOut: [...chosen.leftOut, ...read.leftOut] }, parts);
    }
  }
}

/** Looks names up until there are addresses enough, or one leads back here: those after it do not count. */
async function lookUpExchangers(
  exchangers: readonly MailExchanger[],
  { resolver, rules }: ExchangerParts,
): Promise<ChosenExchangers> {
  const ownPreference = exchangers.find(({ name }) => rules.isOwnName(name))?.preference ?? Number.POSITIVE_INFINITY;
  const find = async (exchanger: MailExchanger): Promise<KnownExchanger> => {
    if (exchanger.preference >= ownPreference) return { ...exchanger, found: { kind: 'absent' } };
    return { ...exchanger, found: await findExchangerAddresses(resolver, exchanger.name) };
  };
  const known: KnownExchanger[] = [];
  let chosen = chooseExchangers(known, rules);
  while (known.length < exchangers.length && chosen.wants === 'more') {
    const wave = exchangers.slice(known.length, known.length + lookupsMax);
    known.push(...(await Promise.all(wave.map(find))));
    chosen = chooseExchangers(known, rules);
  }
  return chosen;
}

/** RFC 5321 §5.1: a domain without MX records takes its mail itself. It may be an alias. */
async function findImplicit(domain: string, parts: ExchangerParts): Promise<FoundHosts> {
  const { resolver, rules } = parts;
  const found = await findAddresses(resolver, domain);
  const chosen = chooseExchangers([{ name: domain, preference: 0, found }], rules);
  return answerOf(domain, { ...chosen, leftOut: ['it has no MX', ...chosen.leftOut] }, parts);
}

/** RFC 5321 §4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`. */
function findLiteral(domain: string, parts: ExchangerParts): FoundHosts {
  const text = /^\[(?:ipv6:([0-9a-f:.]+)|([0-9.]+))\]$/i.exec(domain);
  const given = text?.[1] ?? text?.[2] ?? '';
  // The tag is of IPv6 alone.
  if (!isAddress(given) || (text?.[1] !== undefined && !given.includes(':'))) {
    return none(findReplies.noLiteral(domain), [mxStep(domain, 'nobody: it is not an address')]);
  }
  const name = canonicalAddress(given);
  const found = { kind: 'addresses', addresses: [name] } as const;
  return answerOf(domain, chooseExchangers([{ name, preference: 0, found }], parts.rules), parts);
}

function answerOf(domain: string, chosen: ChosenExchangers, { port }: ExchangerParts): FoundHosts {
  const { kind, usable, leftOut } = chosen;
  const words = usable.map(({ preference, name, addresses }) => `${preference} ${name} (${addresses.join(', ')})`);
  const notes = leftOut.slice(0, notesMax).join(', ');
  const trace = [mxStep(domain, `${words.join(', ') || 'nobody'}${notes === '' ? '' : `; left out: ${notes}`}`)];
  switch (kind) {
    case 'usable': {
      const hosts = usable.flatMap(({ name, addresses }) => addresses.map((address) => ({ name, address, port })));
      return { kind: 'hosts', hosts, trace };
    }
    case 'loop':
      return none(findReplies.loop(domain), trace);
    case 'failed':
      return none(findReplies.dnsFailed(domain), trace);
    case 'nobody':
      return none(findReplies.noExchanger(domain), trace);
  }
}
