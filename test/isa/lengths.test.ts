/** Instruction lengths against iced-x86: always over the shipped guests, and over real software where it is installed. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { executableSections, LengthComparer } from './lengths.js';

const comparer = new LengthComparer(new WebAssembly.Module(readFileSync('build/probe.wasm')));

function check(file: string, least: number): void {
  let compared = 0;
  for (const section of executableSections(readFileSync(file))) {
    const result = comparer.compare(section);
    expect(result.mismatches).toEqual([]);
    compared += result.compared;
  }
  expect(compared).toBeGreaterThan(least);
}

describe('instruction lengths equal those of iced-x86', () => {
  for (const name of readdirSync('guests/images').filter((file) => file.endsWith('.elf')))
    it(`in ${name}`, () => check(`guests/images/${name}`, 50));

  const libc = '/lib32/libc.so.6';
  it.skipIf(!existsSync(libc))(`in all of ${libc} (skipped without Debian's libc6-i386)`, () => check(libc, 400_000));

  // From linux-image-686:i386: the xz payload of vmlinuz, decompressed with unxz.
  const kernel = process.env.RINGFENCE_VMLINUX ?? '';
  it.skipIf(!existsSync(kernel))(
    'in all of a Debian 686 kernel (skipped without RINGFENCE_VMLINUX)',
    () => check(kernel, 2_500_000),
    60_000,
  );
});
