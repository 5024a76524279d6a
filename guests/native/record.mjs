/**
 * Records what the guest programs give on the real CPU: compiles each as a native i386 Linux program, runs it with every
 * recorded command line and writes expected.json. `node guests/native/record.mjs [--check]`: --check compares instead.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { guests as images, programs } from '../catalogue.mjs';

const guests = dirname(dirname(fileURLToPath(import.meta.url)));
const FLAGS = '-m32 -march=i686 -O2 -fno-pie -no-pie -DNATIVE -Wall -Wextra -Werror -Ilib'.split(' ');

/** The `@name` / `=value` pairs of a console log, in order: {name: value}. */
export function checksums(log) {
  return Object.fromEntries([...log.matchAll(/^@(.+)\n(?:[^@=].*\n)*=([0-9a-f]{8})$/gm)].map((m) => [m[1], m[2]]));
}

/** Compiles and runs everything: {program: {cmdline: {checksum name: value}}}. */
export function record() {
  const directory = mkdtempSync(join(tmpdir(), 'ringfence-native-'));
  const gcc = (...args) => execFileSync('gcc', [...FLAGS, ...args], { cwd: guests, stdio: 'inherit' });
  try {
    const runtime = ['lib/print.c', 'lib/arguments.c', 'native/runtime.c', 'native/link.c'].map((source) => {
      const object = join(directory, `${source.replaceAll('/', '-')}.o`);
      gcc('-c', source, '-o', object);
      return object;
    });
    return Object.fromEntries(
      programs.map(({ name, machine, cmdlines, input = '' }) => {
        const file = join(directory, name);
        const [source] = images.find((image) => image.name === name).sources;
        gcc('-o', file, source, ...(machine ? [`native/${name}-machine.c`] : []), ...runtime);
        const run = (cmdline) => checksums(execFileSync(file, cmdline.split(' '), { input, encoding: 'utf8' }));
        return [name, Object.fromEntries(cmdlines.map((cmdline) => [cmdline, run(cmdline)]))];
      }),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = join(guests, 'native', 'expected.json');
  const text = `${JSON.stringify({ about: 'Written by guests/native/record.mjs', results: record() }, null, 2)}\n`;
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    console.error('native results differ from expected.json');
    process.exitCode = 1;
  }
}
