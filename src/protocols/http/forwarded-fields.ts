import { tokenKeyOf } from './field-names.js';

/** What becomes of a field of the client's on its way to a server. */
export type RequestFieldFate =
  | 'keep'
  /** Kept even when Connection names it: we read it, or a message without it means something else. */
  | 'protect'
  | 'drop'
  | 'cookie'
  | 'te';

/** What becomes of a field of a server's on its way to the client. */
export type AnswerFieldFate = 'keep' | 'protect' | 'drop' | 'length' | 'trailer';

const setOf = (words: string): ReadonlySet<string> => new Set(words.split(' '));

// RFC 9110 §7.6.1: what concerns one connection; and what is written anew.
const ofOneConnection = setOf('connection keep-alive transfer-encoding upgrade te http2-settings');
const writtenAnew = setOf('host content-length expect');

const ofFrontEnd = setOf(
  'forwarded x-request-id x-real-ip x-client-ip x-cluster-client-ip true-client-ip client-ip front-end-https ' +
    'x-commonaccesstoken x-sourcecafeserver x-isfromcafe x-feserver x-ms-proxy x-host x-proxyuser-ip',
);

// Fields by which servers behind a front end are told who asks and where to go; only we may set them.
const trustedName =
  /^(?:proxy-|auth-|msexch|x-(?:be|backend|forwarded|original-|rewrite-|arr-|ms-forwarded-|.*be(?:resource|server|target|cookie)|.*backend|anonresource))/;

const protectedOfRequest = setOf(
  'authorization content-type content-encoding content-range origin x-anchormailbox x-publicfoldermailbox ' +
    'x-preferserveraffinity sec-websocket-key sec-websocket-version sec-websocket-protocol sec-websocket-extensions',
);
const protectedOfAnswer = setOf(
  'content-type content-encoding content-range set-cookie location www-authenticate cache-control vary etag ' +
    'strict-transport-security content-security-policy x-frame-options x-content-type-options x-ms-location ' +
    'sec-websocket-accept sec-websocket-protocol sec-websocket-extensions',
);
const ofAnswersConnection = setOf('connection keep-alive transfer-encoding upgrade te x-feserver x-beserver');

/** Whether a field (lower case, `-` for `_`) may be set by a front end only. */
export function isOfFrontEnd(key: string): boolean {
  return ofFrontEnd.has(key) || trustedName.test(key);
}

function requestFateOf(key: string): RequestFieldFate {
  // Servers that make variables of fields cannot tell `_` and `-` apart.
  const same = key.includes('_') ? key.replaceAll('_', '-') : key;
  if (ofOneConnection.has(same)) return same === 'te' && key === same ? 'te' : 'drop';
  if (writtenAnew.has(same) || isOfFrontEnd(same)) return 'drop';
  if (same === 'cookie') return key === same ? 'cookie' : 'drop';
  return protectedOfRequest.has(same) ? 'protect' : 'keep';
}

function answerFateOf(key: string): AnswerFieldFate {
  if (ofAnswersConnection.has(key) || key.startsWith('proxy-')) return 'drop';
  if (key === 'content-length') return 'length';
  if (key === 'trailer') return 'trailer';
  return protectedOfAnswer.has(key) ? 'protect' : 'keep';
}

const rememberedMax = 1024;
const rememberedLengthMax = 64;

/** Remembers what becomes of a name; one that is no token is dropped. */
function remembered<Fate extends string>(decide: (key: string) => Fate, drop: Fate): (name: string) => Fate {
  const fates = new Map<string, Fate>();
  return (name) => {
    const key = tokenKeyOf(name);
    if (key === undefined) return drop;
    const known = fates.get(key);
    if (known !== undefined) return known;
    const fate = decide(key);
    if (fates.size >= rememberedMax) fates.clear();
    // Long keys may be slices, which keep a whole head in memory.
    if (key.length <= rememberedLengthMax) fates.set(key, fate);
    return fate;
  };
}

export const fateInRequest = remembered(requestFateOf, 'drop');
export const fateInAnswer = remembered(answerFateOf, 'drop');
