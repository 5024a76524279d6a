/** What guests print for those who check them. */

/**
 * The report lines of a console: `@name`, then `=xxxxxxxx`. A checksum without a name before it is called by its number.
 * Other lines are the guest's own affair.
 */
export function readChecksums(console: Uint8Array): [name: string, checksum: string][] {
  const found: [string, string][] = [];
  let name = '';
  for (const line of Buffer.from(console).toString('latin1').split('\n')) {
    const text = line.replace(/\r$/, '');
    if (text.startsWith('@')) name = text.slice(1);
    else if (/^=[0-9a-f]{8}$/.test(text)) {
      found.push([name === '' ? `#${found.length + 1}` : name, text.slice(1)]);
      name = '';
    }
  }
  return found;
}
