/** What is taken from a stranger at most; beyond it a message is dropped and a stream is over. */
export const sipLimits = {
  /** Of a datagram. */
  messageBytesMax: 65_536,
  /** Start line and fields with the empty line. */
  headBytesMax: 16_384,
  /** On a stream; it is skipped, never kept. */
  bodyBytesMax: 49_152,
  fieldsMax: 200,
  viasMax: 70,
  /** Of one field, folded as it came, with its name. */
  fieldBytesMax: 8192,
} as const;
