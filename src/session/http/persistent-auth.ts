import { fieldValue } from '../../protocols/http/field-names.js';
import type { AnswerHead } from '../../protocols/http/http-message.js';

/** Whether a server says that it takes whatever comes on this connection for the same user's ([MS-N2HT] §2.2.3). */
export function saysPersistentAuth({ fields }: AnswerHead): boolean {
  return fieldValue(fields, 'persistent-auth')?.toLowerCase() === 'true';
}
