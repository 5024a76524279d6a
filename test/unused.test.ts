import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../src/machine/core.js';

const root = packageRoot();
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

function sources(folder: string): string[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.ts')).map((file) => join(folder, file));
}

describe('nothing is there that nobody uses:', () => {
  it('no export, file or package', async () => {
    // Generated code counts as a user, and git ignores it.
    const args = ['node_modules/knip/bin/knip.js', '--no-gitignore', '--reporter', 'compact', '--no-progress'];
    const include = ['--include', 'files,dependencies,unlisted,exports,types', '--no-exit-code'];
    const { stdout } = await promisify(execFile)(process.execPath, [...args, ...include], { cwd: root });
    expect(stdout.trim()).toBe('');
  });

  it('no name or function of the core', () => {
    const users = ['src', 'test', 'bench']
      .flatMap(sources)
      .filter((file) => !['src/machine/layout.ts', 'src/machine/core.ts'].includes(file))
      .map(read)
      .join('\n');
    const words = new Set(users.match(/\w+/g));
    // l[`SMM_MODE_${name}`]
    const families = [...users.matchAll(/\bl\[`(\w+)\$\{/g)].map(([, prefix]) => prefix!);
    const named = (list: RegExpMatchArray[]): string[] => list.map(([, name]) => name!);
    const names = named([...read('src/machine/layout.ts').matchAll(/^ {2}'(\w+)',$/gm)]);
    const functions = named([...read('src/machine/core.ts').matchAll(/^ {2}'(\w+)',$/gm)]);
    expect(names.length).toBeGreaterThan(300);
    expect(functions.length).toBeGreaterThan(80);
    const unused = [...names, ...functions].filter(
      (name) => !words.has(name) && !families.some((prefix) => name.startsWith(prefix)),
    );
    expect(unused).toEqual([]);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });
});
