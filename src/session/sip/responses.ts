import type { SipField, SipRequest, SipResponse } from '../../protocols/sip/sip-message.js';
import type { Decision } from '../../routing/decision.js';

type Fields = SipResponse['fields'];

const plain = (code: number, reason: string, fields: Fields = []): SipResponse => ({ code, reason, fields });

/** RFC 3261 §20.5. */
const allow: Fields = [{ name: 'Allow', value: 'INVITE, ACK, CANCEL, OPTIONS' }];
const later: Fields = [{ name: 'Retry-After', value: '60' }];

/** What the call router says; codes of RFC 3261 §21. */
export const responses = {
  trying: plain(100, 'Trying'),
  alive: plain(200, 'OK', [...allow, { name: 'Accept', value: 'application/sdp' }]),
  cancelled: plain(200, 'OK'),
  forbidden: plain(403, 'Forbidden'),
  notAllowed: plain(405, 'Method Not Allowed', allow),
  badScheme: plain(416, 'Unsupported URI Scheme'),
  noTransaction: plain(481, 'Call/Transaction Does Not Exist'),
  merged: plain(482, 'Loop Detected'),
  tooManyHops: plain(483, 'Too Many Hops'),
  requestTerminated: plain(487, 'Request Terminated'),
  fault: plain(500, 'Server Internal Error'),
  notImplemented: plain(501, 'Not Implemented', allow),
  notInService: plain(503, 'Service Unavailable', later),
} as const;

/** Methods that are known and are for somebody else (RFC 3261, 3262, 3265, 3311, 3428, 3515, 3903, 6086). */
const otherMethods: ReadonlySet<string> = new Set([
  'REGISTER',
  'SUBSCRIBE',
  'NOTIFY',
  'MESSAGE',
  'PUBLISH',
  'REFER',
  'INFO',
  'UPDATE',
  'PRACK',
]);
const schemes: ReadonlySet<string> = new Set(['sip', 'sips', 'tel']);
const requirementsMax = 300;

/**
 * Why a request is not for a redirect server, in the order of RFC 3261 §8.2; null: it is. `scheme` is that of the
 * Request-URI.
 */
export function refusalOf(request: SipRequest, scheme: string): SipResponse | null {
  const { method } = request;
  // There are no dialogs here, so none that a request could belong to (§12.2.2, §15.1.2).
  const isInDialog = request.to.parameters.has('tag');
  if (method === 'BYE') return responses.noTransaction;
  if (method !== 'INVITE' && method !== 'OPTIONS') {
    if (!otherMethods.has(method)) return responses.notImplemented;
    return isInDialog ? responses.noTransaction : responses.notAllowed;
  }
  if (!schemes.has(scheme)) return responses.badScheme;
  if (method === 'INVITE' && isInDialog) return responses.noTransaction;
  // §16.3: whoever a redirect leads to is a hop further.
  if (method === 'INVITE' && request.maxForwards === 0) return responses.tooManyHops;
  return requiredOf(request);
}

/** §8.2.2.3: extensions that must be understood, of which there are none here; 420 names them. */
function requiredOf({ fields }: SipRequest): SipResponse | null {
  const isRequirement = ({ name }: SipField): boolean => name === 'require' || name === 'proxy-require';
  if (!fields.some(isRequirement)) return null;
  const required = fields.filter(isRequirement).map(({ value }) => value);
  const tags = required.flatMap((value) => value.split(',')).map((tag) => tag.trim());
  const named = [...new Set(tags)].filter((tag) => tag !== '').join(', ');
  if (named === '') return null;
  return plain(420, 'Bad Extension', [{ name: 'Unsupported', value: named.slice(0, requirementsMax) }]);
}

/** The fields that a decision about a call comes with. */
export function fieldsOf({ location, reason, trace }: Decision): Fields {
  if (location !== null) return [{ name: 'Contact', value: `<${location}>` }];
  if (reason === 'not-in-service') return later;
  if (reason !== 'security-mismatch') return [];
  // §20.43: 399 is for words that people read.
  const words = (trace.at(-1)?.detail ?? '').replaceAll(/["\\]/g, "'");
  return [{ name: 'Warning', value: `399 usher "${words}"` }];
}
