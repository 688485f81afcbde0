import { clientReplies } from './client-replies.js';
import type { AddressCommand } from './client-step.js';
import type { SmtpReply } from './replies.js';
import { isXtext } from './xtext.js';

/** Which extensions of MAIL and RCPT are on offer. */
export interface ParameterOffer {
  readonly verb: 'mail' | 'rcpt';
  /** After HELO there are none at all. */
  readonly hello: 'EHLO' | 'HELO';
  readonly smtputf8: boolean;
  readonly dsn: boolean;
  readonly auth: boolean;
  /** Whether MAIL has asked for SMTPUTF8 already. */
  readonly utf8: 'allowed' | 'refused';
}

export type ReadParameters =
  | { readonly kind: 'parameters'; readonly parameters: AddressCommand['parameters'] }
  | { readonly kind: 'refused'; readonly reply: SmtpReply };

type Value = string | true;
/** What is wrong with the value of a parameter, or null. */
type ValueCheck = (value: Value) => SmtpReply | null;

const checkFlag: ValueCheck = (value) => (value === true ? null : clientReplies.badParameter);
const checkBody = matches(/^(?:7BIT|8BITMIME)$/i);
const checkReturn = matches(/^(?:FULL|HDRS)$/i);
// RFC 3461 §4.1: NEVER stands alone.
const checkNotify = matches(/^(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2})$/i);
// RFC 4954 §5: an address in xtext, or `<>`.
const checkSubmitter = ifXtext(500);
// RFC 3461 §4.4: at most 100 characters.
const checkEnvelopeId = ifXtext(100);
const keywordForm = /^[A-Z0-9][A-Z0-9-]*$/;

const none: ReadParameters = { kind: 'parameters', parameters: {} };

/** Reads the parameters behind an address: RFC 5321 §4.1.2; each may stand once. */
export function readParameters(text: string, offer: ParameterOffer): ReadParameters {
  const trimmed = text.trim();
  if (trimmed === '') return none;
  const parameters: Record<string, Value> = {};
  for (const part of trimmed.split(' ')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const keyword = (equals < 0 ? part : part.slice(0, equals)).toUpperCase();
    if (!keywordForm.test(keyword)) return refused(clientReplies.syntax);
    const check = offer.hello === 'EHLO' ? checkOf(keyword, offer) : undefined;
    if (check === undefined) return refused(clientReplies.unknownParameter);
    if (Object.hasOwn(parameters, keyword)) return refused(clientReplies.badParameter);
    const value = equals < 0 ? true : part.slice(equals + 1);
    const problem = check(value);
    if (problem !== null) return refused(problem);
    parameters[keyword] = value;
  }
  return { kind: 'parameters', parameters };
}

function checkOf(keyword: string, offer: ParameterOffer): ValueCheck | undefined {
  return offer.verb === 'mail' ? checkOfMail(keyword, offer) : checkOfRecipient(keyword, offer);
}

function checkOfMail(keyword: string, offer: ParameterOffer): ValueCheck | undefined {
  switch (keyword) {
    case 'SIZE':
      return checkSize;
    case 'BODY':
      return checkBody;
    case 'SMTPUTF8':
      return offer.smtputf8 ? checkFlag : undefined;
    case 'AUTH':
      return offer.auth ? checkSubmitter : undefined;
    case 'RET':
      return offer.dsn ? checkReturn : undefined;
    case 'ENVID':
      return offer.dsn ? checkEnvelopeId : undefined;
    default:
      return undefined;
  }
}

function checkOfRecipient(keyword: string, offer: ParameterOffer): ValueCheck | undefined {
  if (!offer.dsn) return undefined;
  switch (keyword) {
    case 'NOTIFY':
      return checkNotify;
    case 'ORCPT':
      return (value) => checkOriginalRecipient(value, offer.utf8);
    default:
      return undefined;
  }
}

// RFC 1870 §5: one to twenty digits.
function checkSize(value: Value): SmtpReply | null {
  if (value === true || !/^\d{1,20}$/.test(value)) return clientReplies.badParameter;
  return Number(value) > Number.MAX_SAFE_INTEGER ? clientReplies.sizeTooLarge : null;
}

// RFC 3461 §4.2: `rfc822;ann+2Bx@contoso.com`, at most 500 characters; RFC 6533 §3: with SMTPUTF8 also `utf-8;jörg@x`.
function checkOriginalRecipient(value: Value, utf8: 'allowed' | 'refused'): SmtpReply | null {
  const [, type, address = ''] =
    value === true || value.length > 500 ? [] : (/^([A-Za-z0-9-]+);(.+)$/.exec(value) ?? []);
  const isUnicode = utf8 === 'allowed' && type?.toLowerCase() === 'utf-8';
  const text = isUnicode ? address.replaceAll(/[^\u0000-\u009f]/gu, '?') : address;
  return text !== '' && isXtext(text) ? null : clientReplies.badParameter;
}

function matches(form: RegExp): ValueCheck {
  return (value) => (value !== true && form.test(value) ? null : clientReplies.badParameter);
}

function ifXtext(lengthMax: number): ValueCheck {
  return (value) =>
    value !== true && value !== '' && value.length <= lengthMax && isXtext(value) ? null : clientReplies.badParameter;
}

function refused(reply: SmtpReply): ReadParameters {
  return { kind: 'refused', reply };
}
