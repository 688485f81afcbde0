import { scanAddress } from './scan-address.js';
import type { SipAddress, SipRequest } from './sip-message.js';

/** The one address of a From or To value; null when it is malformed or there are several. */
export function readAddress(value: string): SipAddress | null {
  const scanned = scanAddress(value, 0);
  return scanned !== null && scanned.end === value.length ? scanned.address : null;
}

/** The addresses of a field that takes several, separated by commas; null when one is malformed. */
export function readAddresses(value: string): readonly SipAddress[] | null {
  const addresses: SipAddress[] = [];
  let at = 0;
  for (;;) {
    const scanned = scanAddress(value, at);
    if (scanned === null) return null;
    addresses.push(scanned.address);
    if (scanned.end === value.length) return addresses;
    at = scanned.end + 1;
  }
}

/** The scheme of a URI in lower case; '' when there is none. */
export function schemeOf(uri: string): string {
  const colon = uri.indexOf(':');
  return colon === -1 ? '' : uri.slice(0, colon).toLowerCase();
}

/**
 * The URI of whoever sent the call on to voice mail, whose mailbox it is for: the topmost Diversion, which is the
 * latest (RFC 5806), else what History-Info says (RFC 7044); null when nobody did. Malformed values say nothing.
 */
export function whoDiverted(request: SipRequest): string | null {
  let history: string | null = null;
  for (const { name, value } of request.fields) {
    if (name === 'diversion') {
      const scanned = scanAddress(value, 0);
      if (scanned !== null) return scanned.address.uri;
    }
    if (name === 'history-info') history = history === null ? value : `${history},${value}`;
  }
  return history === null ? null : whoDivertedByHistory(readAddresses(history) ?? []);
}

// RFC 7044: entries stand in the order in which the request was targeted, the current target last. That an entry
// precedes the last does not make it a diverter: a proxy that only looked up a contact (rc) or passed the call on (np)
// is recorded too. So what counts is a mark: `mp` names the entry whose user was replaced; a `cause` in a URI
// (RFC 4458) says that this target was diverted to, from the entry before it (RFC 7544); a Reason in the URI's
// header (RFC 4244) says that this entry was given up for a later one.
function whoDivertedByHistory(entries: readonly SipAddress[]): string | null {
  const places = placesByIndex(entries);
  for (let place = entries.length - 1; place > 0; place -= 1) {
    const { uri, parameters } = entries[place] ?? noEntry;
    // Some session border controllers write it behind the URI.
    const cause = /;cause=(\d{3})(?![^;?])/i.exec(uri)?.[1] ?? parameters.get('cause');
    // RFC 8119: 380 is a service number that was translated, no diversion.
    if (cause === '380') continue;
    const mapped = places.get(parameters.get('mp') ?? '');
    if (mapped !== undefined && mapped < place) return userAt(entries, places, mapped);
    if (cause !== undefined) return userAt(entries, places, parentOf(entries, places, place) ?? place - 1);
  }
  for (let place = entries.length - 2; place >= 0; place -= 1) {
    if (/[?&]reason=/i.test(entries[place]?.uri ?? '')) return userAt(entries, places, place);
  }
  return null;
}

const noEntry: SipAddress = { uri: '', parameters: new Map(), text: '' };

/** Where the entry with each index stands. */
type Places = ReadonlyMap<string, number>;

function placesByIndex(entries: readonly SipAddress[]): Places {
  const places = new Map<string, number>();
  for (const [place, { parameters }] of entries.entries()) {
    const index = parameters.get('index');
    if (index !== undefined && index !== '' && !places.has(index)) places.set(index, place);
  }
  return places;
}

/** The earlier entry of the same user that this one was looked up for. */
function parentOf(entries: readonly SipAddress[], places: Places, place: number): number | null {
  const parameters = entries[place]?.parameters;
  const parent = places.get(parameters?.get('rc') ?? parameters?.get('np') ?? '');
  return parent === undefined || parent >= place ? null : parent;
}

/** The URI that names the user at a place: the address of record, not the contact that was looked up for it. */
function userAt(entries: readonly SipAddress[], places: Places, place: number): string | null {
  let at = place;
  for (let parent = parentOf(entries, places, at); parent !== null; parent = parentOf(entries, places, at)) at = parent;
  return entries[at]?.uri ?? null;
}
