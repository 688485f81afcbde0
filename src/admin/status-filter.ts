import { badFlag } from './test-routing.js';

const one = /^(?:[1-9]\d\d|[1-9]xx|none)$/;

/**
 * Whether a status is one of those a flag names: `500`, `5xx`, `none` for requests that got no answer, or several
 * divided by commas. Throws UsherError for anything else.
 */
export function statusFilter(flag: string, text: string): (status: number | null) => boolean {
  const wanted = text.split(',').map((part) => part.trim().toLowerCase());
  if (!wanted.every((part) => one.test(part))) {
    throw badFlag(flag, text, 'statuses divided by commas: 503, 5xx, or none for no answer');
  }
  const statuses = new Set(wanted);
  return (status) => {
    if (status === null) return statuses.has('none');
    return statuses.has(String(status)) || statuses.has(`${Math.floor(status / 100)}xx`);
  };
}
