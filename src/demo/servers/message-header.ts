const headerBytesMax = 262_144;
const fieldsMax = 1000;

/** A header field; `value` is unfolded and holds one character per byte. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  /** The field as it stands in the message, with its line ends. */
  readonly raw: Buffer;
}

export interface SplitMessage {
  /** With the empty line that ends it. */
  readonly header: Buffer;
  readonly body: Buffer;
}

/** Divides a message, or a MIME part, at its first empty line. */
export function splitMessage(raw: Buffer): SplitMessage {
  let start = 0;
  while (start < raw.length) {
    const newline = raw.indexOf(0x0a, start);
    const end = newline < 0 ? raw.length : newline + 1;
    const empty = end - start === 1 ? raw[start] === 0x0a : end - start === 2 && raw[start] === 0x0d && newline >= 0;
    start = end;
    if (empty) break;
  }
  return { header: raw.subarray(0, start), body: raw.subarray(start) };
}

/** The fields of a header: at most 1,000 of its first 256 KB. */
export function readHeaderFields(header: Buffer): HeaderField[] {
  const text = header.subarray(0, headerBytesMax).toString('latin1');
  const fields: HeaderField[] = [];
  const field = /^([!-9;-~]{1,128})[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|$)/gm;
  for (const match of text.matchAll(field)) {
    const [raw, name = '', value = ''] = match;
    fields.push({ name, value: value.replace(/\r?\n|\r/g, '').trim(), raw: Buffer.from(raw, 'latin1') });
    if (fields.length === fieldsMax) break;
  }
  return fields;
}

/** The value of the first field of that name. */
export function fieldValue(fields: readonly HeaderField[], name: string): string | undefined {
  const wanted = name.toLowerCase();
  return fields.find((field) => field.name.toLowerCase() === wanted)?.value;
}
