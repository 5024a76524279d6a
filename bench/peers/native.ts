/** i386 programs of the guests' C, where gcc -m32 and the i386 C library are installed. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../src/machine/core.js';

const FLAGS = '-m32 -march=i686 -O2 -mno-sse -fno-pie -no-pie -fno-stack-protector -w'.split(' ');

function compile(output: string, args: readonly string[], cwd: string): string | undefined {
  const { status } = spawnSync('gcc', [...FLAGS, ...args, '-o', output], { cwd, stdio: 'ignore' });
  return status === 0 ? output : undefined;
}

/** Why no native program can be made, or undefined. */
export function whyNoNative(folder: string): string | undefined {
  const source = join(folder, 'try.c');
  writeFileSync(source, '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n');
  return compile(join(folder, 'try'), [source], folder)
    ? undefined
    : 'gcc -m32 with the i386 C library is not installed';
}

/** A guest program of guests/, with the native runtime; bench/peers/native-times.c takes its times. Undefined if it does not compile. */
export function nativeGuest(name: string, machine: boolean, folder: string): string | undefined {
  const sources = [
    `programs/${name}.c`,
    'lib/print.c',
    'lib/arguments.c',
    'native/runtime.c',
    beside('native-times.c'),
  ];
  if (machine) sources.push(`native/${name}-machine.c`);
  const flags = ['-DNATIVE', '-Ilib', '-Wl,--wrap=begin,--wrap=end'];
  return compile(join(folder, name), [...flags, ...sources], join(packageRoot(), 'guests'));
}

/** The kernels of ../shared/peers/work.c, which bench/peers/native-kernel.c calls. */
export function nativeKernel(work: string, folder: string): string | undefined {
  return compile(join(folder, 'native-kernel'), [`-DWORK="${resolve(work)}"`, beside('native-kernel.c')], folder);
}

function beside(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
