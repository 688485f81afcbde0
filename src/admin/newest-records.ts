/** The newest of many records, and how many there were. */
export interface NewestRecords<T> {
  /** In the order in which they came. */
  readonly records: readonly T[];
  readonly found: number;
}

/** Reads all and keeps the last `limit` of them; never holds more than twice as many. */
export async function newestRecords<T>(all: AsyncIterable<T>, limit: number): Promise<NewestRecords<T>> {
  const records: T[] = [];
  let found = 0;
  for await (const record of all) {
    found++;
    records.push(record);
    if (records.length >= 2 * limit) records.splice(0, records.length - limit);
  }
  return { records: records.slice(-limit), found };
}
