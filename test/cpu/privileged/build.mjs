/**
 * Rebuilds the kernels and records their traces: `node test/cpu/privileged/build.mjs`. Needs gcc with -m32, GNU ld and
 * qemu-system-i386. Writes privileged.elf, real.elf and their *.trace.gz.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const FLAGS = (
  '-m32 -march=i686 -O1 -mgeneral-regs-only -ffreestanding -fno-pic -fno-pie -fno-stack-protector ' +
  '-fcf-protection=none -fno-asynchronous-unwind-tables -Wall -Wno-parentheses -Wno-array-bounds ' +
  '-nostdlib -static -no-pie -s -Wl,-T,link.ld -Wl,--build-id=none -Wl,--no-warn-rwx-segments ' +
  '-Wl,-z,max-page-size=64 -Wl,-z,noexecstack'
).split(' ');
const KERNELS = { privileged: ['entry.S', 'kernel.c'], real: ['real.S'] };

for (const [name, sources] of Object.entries(KERNELS)) {
  const image = join(here, `${name}.elf`);
  execFileSync('gcc', [...FLAGS, '-o', image, ...sources], { cwd: here, stdio: 'inherit' });
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-privileged-'));
  try {
    const log = join(folder, 'log');
    const machine = ['-accel', 'tcg', '-cpu', 'qemu32', '-m', '16', '-display', 'none', '-no-reboot'];
    execFileSync('qemu-system-i386', [...machine, '-serial', `file:${log}`, '-kernel', image], { timeout: 120_000 });
    const trace = readFileSync(log, 'latin1').replaceAll('\r', '');
    // The header names the operating system; without that every host writes the same bytes.
    const packed = gzipSync(trace, { level: 9 });
    packed[9] = 255;
    writeFileSync(join(here, `${name}.trace.gz`), packed);
    process.stdout.write(`${name}: ${trace.split('\n').length - 1} lines\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
