/** Text fit for a reply: control characters become spaces, and it ends after `lengthMax` characters. */
export function oneLine(text: string, lengthMax = 500): string {
  return text.slice(0, lengthMax).replaceAll(/[\u0000-\u001f\u007f]/g, ' ');
}
