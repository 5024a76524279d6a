/**
 * Instruction lengths of the core's decoder against iced-x86 over the executable sections of an ELF: a linear sweep by
 * iced, each instruction decoded by both.  Usage: npx tsx test/isa/lengths.ts file.elf …
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CpuidFeature, Decoder, DecoderOptions, Instruction } from 'iced-x86';
import { layOutHost } from '../../src/machine/flat-memory.js';

const SHF_EXECINSTR = 4;
const MODE_FLAT32 = 15; // see assembly/cpu/mode.ts

/** What this processor has (CPUID); an instruction that needs anything else is #UD here and is not compared. */
const FEATURES = [
  'INTEL8086',
  'INTEL8086_ONLY',
  'INTEL186',
  'INTEL286',
  'INTEL286_ONLY',
  'INTEL386',
  'INTEL386_ONLY',
  'INTEL486',
  'CPUID',
  'CMOV',
  'CX8',
  'MSR',
  'TSC',
  'SEP',
  'FPU',
  'FPU287',
  'FPU387',
  'MMX',
  'SSE',
  'SSE2',
  'FXSR',
  'SYSCALL',
  'MULTIBYTENOP',
  'PAUSE',
  'RDPMC',
  'CLFSH',
  'SMM_NONE',
  'VMX',
  'PREFETCHW',
] as const;
const supported = new Set<number>(
  FEATURES.map((name) => (CpuidFeature as unknown as Record<string, number | undefined>)[name]).filter(
    (value): value is number => value !== undefined,
  ),
);

export interface Comparison {
  compared: number;
  /** Instructions beyond this processor, invalid ones included. */
  skipped: number;
  mismatches: { address: number; bytes: string; iced: number; ours: number }[];
}

export interface Section {
  name: string;
  address: number;
  bytes: Uint8Array;
}

/** The executable sections of a 32-bit ELF. */
export function executableSections(file: Uint8Array): Section[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const table = view.getUint32(32, true);
  const size = view.getUint16(46, true);
  const count = view.getUint16(48, true);
  const names = table + view.getUint16(50, true) * size;
  const namesAt = view.getUint32(names + 16, true);
  const sections: Section[] = [];
  for (let i = 0; i < count; i++) {
    const at = table + i * size;
    const PROGBITS = 1;
    if (view.getUint32(at + 4, true) !== PROGBITS || !(view.getUint32(at + 8, true) & SHF_EXECINSTR)) continue;
    const offset = view.getUint32(at + 16, true);
    const nameAt = namesAt + view.getUint32(at, true);
    const name = Buffer.from(file.subarray(nameAt, file.indexOf(0, nameAt))).toString();
    sections.push({
      name,
      address: view.getUint32(at + 12, true),
      bytes: file.subarray(offset, offset + view.getUint32(at + 20, true)),
    });
  }
  return sections;
}

interface Probe {
  decodeInstruction(blk: number, u: number, code: number, offset: number, mode: number): number;
  HOST_DRAM: WebAssembly.Global;
}

export class LengthComparer {
  readonly #probe: Probe;
  readonly #memory: WebAssembly.Memory;
  readonly #scratch: number;

  constructor(module: WebAssembly.Module) {
    const frames = 8192; // 32 MiB hold any section
    const { memory } = layOutHost(module, { pcpus: 1, vcpus: 1, domains: 1, frames });
    const abort = (): never => {
      throw new Error('abort');
    };
    this.#probe = new WebAssembly.Instance(module, { env: { memory, abort, hostKeystream: abort } })
      .exports as unknown as Probe;
    this.#memory = memory;
    this.#scratch = new DataView(memory.buffer).getUint32(this.#probe.HOST_DRAM.value as number, true);
  }

  compare(section: Section): Comparison {
    const code = this.#scratch + 4096;
    new Uint8Array(this.#memory.buffer).set(section.bytes, code);
    const decoder = new Decoder(32, section.bytes, DecoderOptions.None);
    const instruction = new Instruction();
    const result: Comparison = { compared: 0, skipped: 0, mismatches: [] };
    while (decoder.canDecode) {
      const at = decoder.position;
      decoder.decodeOut(instruction);
      const features = Array.from(instruction.cpuidFeatures());
      if (instruction.isInvalid || features.some((feature) => !supported.has(feature))) {
        result.skipped++;
        if (instruction.isInvalid) decoder.position = at + 1;
        continue;
      }
      const ours =
        this.#probe.decodeInstruction(this.#scratch, this.#scratch + 1024, code + at, at & 4095, MODE_FLAT32) & 0xff;
      result.compared++;
      if (ours !== instruction.length) {
        const bytes = Buffer.from(section.bytes.subarray(at, at + instruction.length)).toString('hex');
        result.mismatches.push({ address: section.address + at, bytes, iced: instruction.length, ours });
      }
    }
    instruction.free();
    decoder.free();
    return result;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const comparer = new LengthComparer(new WebAssembly.Module(readFileSync('build/probe.wasm')));
  for (const file of process.argv.slice(2))
    for (const section of executableSections(readFileSync(file))) {
      const { compared, skipped, mismatches } = comparer.compare(section);
      console.log(
        `${file} ${section.name}: ${compared} compared, ${skipped} beyond this processor, ${mismatches.length} mismatches`,
      );
      for (const m of mismatches.slice(0, 20))
        console.log(`  ${m.address.toString(16)} ${m.bytes} iced ${m.iced} ours ${m.ours}`);
    }
}
