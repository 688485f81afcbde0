/** The rows of a CSV text with LF line ends, by the grammar of RFC 4180 §2; anything else is an error. */
export function parseStrictCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length) {
    const field = /^(?:"((?:[ !#-~]|"")*)"|([ !#-+\--~]*))([,\n])/.exec(text.slice(at));
    if (!field) throw new Error(`no field at ${at}: ${JSON.stringify(text.slice(at, at + 40))}`);
    row.push(field[1] === undefined ? (field[2] ?? '') : field[1].replaceAll('""', '"'));
    at += field[0].length;
    if (field[3] !== '\n') continue;
    rows.push(row);
    row = [];
  }
  if (row.length > 0) throw new Error('the last row has no end');
  return rows;
}
