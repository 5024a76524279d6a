/**
 * Rebuilds the guests of the benches: `node bench/guests/build.mjs [folder]`. Needs gcc with -m32 and GNU ld; the same ones
 * give the same bytes.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const library = resolve(here, '../../guests/lib');
const output = resolve(process.argv[2] ?? here);
const FLAGS =
  '-m32 -march=i686 -O2 -mgeneral-regs-only -ffreestanding -fno-pic -fno-pie -no-pie -fno-stack-protector ' +
  '-fno-asynchronous-unwind-tables -Wall -Wextra -Werror -nostdlib -static -Wl,--build-id=none ' +
  '-s -Wl,-z,max-page-size=64 -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments';

function build(name, script, sources, more = []) {
  const file = join(output, `${name}.elf`);
  execFileSync('gcc', [...FLAGS.split(' '), ...more, `-Wl,-T,${script}`, '-o', file, ...sources], {
    cwd: here,
    stdio: 'inherit',
  });
  chmodSync(file, 0o644);
}

build('events', 'link.ld', ['start.S', 'events.c']);
const shared = readdirSync(library)
  .filter((file) => /\.[cS]$/.test(file))
  .sort()
  .map((file) => join(library, file));
const small = [`-I${library}`, '-ffunction-sections', '-fdata-sections', '-Wl,--gc-sections'];
build('hypervisor', join(library, 'guest.ld'), ['hypervisor.c', ...shared], small);
