/** Rebuilds events.elf: `node bench/guests/build.mjs [file]`. Needs gcc with -m32 and GNU ld; the same ones give the same bytes. */
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const output = resolve(process.argv[2] ?? `${here}/events.elf`);
const flags =
  '-m32 -march=i686 -O2 -mgeneral-regs-only -ffreestanding -fno-pic -fno-pie -no-pie -fno-stack-protector ' +
  '-fno-asynchronous-unwind-tables -Wall -Wextra -Werror -nostdlib -static -Wl,-T,link.ld -Wl,--build-id=none ' +
  '-Wl,-z,max-page-size=64 -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments';
execFileSync('gcc', [...flags.split(' '), '-o', output, 'start.S', 'events.c'], { cwd: here, stdio: 'inherit' });
chmodSync(output, 0o644);
