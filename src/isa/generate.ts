/**
 * Writes assembly/generated/: the hot interpreter, the cold interpreter and the decoder's tables, all from ./table.ts.
 * Run by the build; the output is not committed.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ADDRESS, emitCold, emitHot, flagMasks, handlers, memoryWidth, readsMemory, writesMemory } from './emit.js';
import { MODULES } from './handlers.js';
import {
  build,
  type Entry,
  FIELD,
  FIRST_UOP,
  FUSED_CONDITIONS,
  IMMEDIATE,
  isNear,
  ROW_FLAG,
  UOPS,
  type Uop,
  usesStack,
} from './uops.js';

const out = join(dirname(fileURLToPath(import.meta.url)), '../../assembly/generated');
const BANNER = '// Written by src/isa/generate.ts from src/isa/table.ts. Do not edit.\n';

/** µop attribute bits, mirrored in assembly/cpu/uops.ts through the generated rom.ts. */
const ATTRIBUTE = {
  reads: 0, //      6 bits: flags read
  kills: 6, //      6 bits: flags always written
  faults: 12, //    may fault
  terminal: 13, //  ends its block
  stack: 14, //     needs the generic variant unless the stack is flat and 32 bits wide
  near: 15, //      needs the generic variant unless CS is flat and the operand size is 32
  jcc: 16, //       conditional branch
  writes: 17, //    writes its memory operand
  solo: 18, //      alone in its block
  width: 20, //     4 bits: bytes of the memory operand
  condition: 24, // 4 bits: condition code of a Jcc
} as const;

function attributes(uop: Uop): number {
  const { reads, kills } = flagMasks(uop);
  const access = uop.row.access?.(uop.width);
  const faults = uop.row.faults || readsMemory(uop) || writesMemory(uop) || usesStack(uop) || uop.end !== 'none';
  return (
    ((reads << ATTRIBUTE.reads) |
      (kills << ATTRIBUTE.kills) |
      (Number(faults) << ATTRIBUTE.faults) |
      (Number(uop.end !== 'none') << ATTRIBUTE.terminal) |
      (Number(usesStack(uop)) << ATTRIBUTE.stack) |
      (Number(isNear(uop)) << ATTRIBUTE.near) |
      (Number(uop.row.name === 'jcc') << ATTRIBUTE.jcc) |
      (Number(access?.write ?? writesMemory(uop)) << ATTRIBUTE.writes) |
      (Number(uop.row.solo ?? false) << ATTRIBUTE.solo) |
      ((access?.bytes ?? memoryWidth(uop)) << ATTRIBUTE.width) |
      (uop.row.name === 'jcc' ? (uop.row.opcode & 14) << ATTRIBUTE.condition : 0)) >>>
    0
  );
}

const { entries, hot } = build();
const indent = (lines: string[]): string => lines.map((line) => `        ${line}`).join('\n');
const hotCases = UOPS.filter((uop) => uop.hot)
  .map((uop) => `      case ${uop.id}: { // ${uop.name}\n${indent(emitHot(uop))}\n      }`)
  .join('\n');

/**
 * Cold bodies, each once however many µops share it, and their numbers: asc makes a jump table only of a dense switch
 * of at most 1024 cases.
 */
const coldBodies = new Map<string, Uop[]>();
for (const uop of UOPS) {
  if (pure(uop)) continue;
  const body = indent(emitCold(uop));
  coldBodies.set(body, [...(coldBodies.get(body) ?? []), uop]);
}
const coldNumbers = new Map<Uop, number>();
const coldCases = [...coldBodies]
  .map(([body, uops], index) => {
    for (const uop of uops) coldNumbers.set(uop, FIRST_UOP + index);
    return `      case ${FIRST_UOP + index}: { // ${uops[0]!.name}\n${body}\n      }`;
  })
  .join('\n');
if (FIRST_UOP + coldBodies.size > 1024 || hot > 1024)
  throw new Error('a switch has more cases than asc turns into a table');

/** A hot µop that cannot leave its hot case needs no cold one. */
function pure(uop: Uop): boolean {
  return uop.hot && !readsMemory(uop) && !writesMemory(uop) && !usesStack(uop) && uop.end === 'none';
}

function imports(text: string): string {
  const lines: string[] = [];
  for (const [module, names] of Object.entries(MODULES)) {
    const used = names.filter((name) => new RegExp(`\\b${name}\\b`).test(text));
    if (used.length) lines.push(`import { ${used.join(', ')} } from '${module}';`);
  }
  return lines.join('\n');
}

const known = new Set(Object.values(MODULES).flat());
for (const name of handlers) if (!known.has(name)) throw new Error(`handlers.ts lists no module for "${name}"`);

const hotBody = `/**
 * Runs blocks from \`first\` until something needs the run loop. Returns a STATUS_*; what is left of the budget is in
 * VCPU_BUDGET. A case that cannot finish on the fast path breaks out without having changed anything.
 */
export function interpret(s: usize, first: usize, allowance: i32): u32 {
  let blk = first;
  let pc = blk + BLOCK_HEADER;
  let budget = allowance - load<i32>(blk);
  let tlb = load<usize>(s + VCPU_TLB_BANK);
  let next: usize = 0;
  for (;;) {
    switch (load<u16>(pc) as u32) {
      case UOP_FALL: {
        next = load<usize>(blk + BLOCK_LINK0); if (!next) next = follow(s, blk, true);
        break;
      }
${hotCases}
      default:
        break;
    }
    if (next) {
      blk = next;
      next = 0;
      budget -= load<i32>(blk);
      pc = blk + BLOCK_HEADER;
      if (budget >= 0) continue;
      store<i32>(s + VCPU_BUDGET, budget + load<i32>(blk));
      store<u32>(s + VCPU_EIP, load<u32>(s + VCPU_EIP_PAGE) + load<u32>(blk + BLOCK_START));
      return STATUS_BOUNDARY;
    }
    store<i32>(s + VCPU_BUDGET, budget);
    const status = cold(s, blk, pc);
    if (status == STATUS_NEXT) {
      pc += UOP_SIZE;
      if (load<u32>(s + VCPU_CODE_WRITTEN)) return leaveAt(s, blk, pc);
      continue;
    }
    if (status == STATUS_FAULT) {
      abandon(s, blk, pc);
      return status;
    }
    // The instruction may have changed the CPL, and a repetition has used up budget.
    next = onward(s);
    if (!next) return status;
    tlb = load<usize>(s + VCPU_TLB_BANK);
    blk = next;
    next = 0;
    budget = load<i32>(s + VCPU_BUDGET) - load<i32>(blk);
    pc = blk + BLOCK_HEADER;
    if (budget >= 0) continue;
    // VCPU_EIP and VCPU_BUDGET are exact.
    return status;
  }
}
`;
const coldBody = `/** Runs one µop by the slow accessors. Returns a STATUS_*. */
export function cold(s: usize, blk: usize, pc: usize): u32 {
    switch (load<u16>(ROM_COLD + ((load<u16>(pc) as usize) << 1)) as u32) {
      case UOP_FALL:
        // Not a branch: running past the limit of CS is a fault of the next fetch.
        store<u32>(s + VCPU_EIP, load<u32>(s + VCPU_EIP_PAGE) + load<u32>(blk + BLOCK_TARGET0));
        return STATUS_TRANSFER;
      case UOP_STOP:
        store<u32>(s + VCPU_EIP, load<u32>(s + VCPU_EIP_PAGE) + load<u32>(blk + BLOCK_END));
        return STATUS_BOUNDARY;
      case UOP_ADDRESS16:
        store<u32>(s + VCPU_T0, (${ADDRESS}) & 0xffff);
        return STATUS_NEXT;
      case UOP_SEGMENT: {
        const linear = segmentLinear(s, load<u8>(pc, 3), ${ADDRESS}, load<u16>(pc, 12), load<u8>(pc, 14) != 0);
        if (faulted(s)) return STATUS_FAULT;
        store<u32>(s + VCPU_T0, linear);
        return STATUS_NEXT;
      }
      case UOP_AHEAD:
        return ahead(s, load<u8>(pc, 3), load<u32>(pc, 12)) ? STATUS_NEXT : STATUS_FAULT;
      case UOP_AL:
        store<u32>(s + VCPU_T1, load<u8>(s + VCPU_EAX));
        return STATUS_NEXT;
      case UOP_TOO_LONG:
        raiseError(s, VECTOR_GP, 0);
        return STATUS_FAULT;
${coldCases}
      default:
        raise(s, VECTOR_UD);
        return STATUS_FAULT;
    }
}
`;

// ── Decode ROM ──────────────────────────────────────────────────────────────
const ROW_SIZE = 16;
const GROUPS_AT = 512;
const groups = [...new Set(entries.filter((e) => e.row.group !== undefined).map((e) => e.row.opcode))].sort(
  (x, y) => x - y,
);
const rows = GROUPS_AT + groups.length * 8;
const rom = new DataView(new ArrayBuffer(rows * ROW_SIZE));
const slot = (opcode: number): number => (opcode >= 0x0f00 ? 256 + (opcode & 0xff) : opcode);

function writeRow(index: number, entry: Entry): void {
  const at = index * ROW_SIZE;
  rom.setUint8(at, entry.a || rom.getUint8(at));
  rom.setUint8(at + 1, entry.b || rom.getUint8(at + 1));
  rom.setUint8(at + 2, entry.immediate || rom.getUint8(at + 2));
  rom.setUint8(at + 3, rom.getUint8(at + 3) | entry.flags);
  entry.uops.forEach((uop, i) => {
    if (!uop) return;
    if (rom.getUint16(at + 4 + i * 2, true)) throw new Error(`table: two rows for ${uop.name}`);
    rom.setUint16(at + 4 + i * 2, uop.id, true);
  });
}

for (const entry of entries) {
  const { opcode, group } = entry.row;
  if (group === undefined) {
    writeRow(slot(opcode), entry);
    continue;
  }
  const index = groups.indexOf(opcode);
  rom.setUint8(slot(opcode) * ROW_SIZE + 3, ROW_FLAG.grouped | ROW_FLAG.modrm);
  rom.setUint16(slot(opcode) * ROW_SIZE + 12, GROUPS_AT + index * 8, true);
  writeRow(GROUPS_AT + index * 8 + group, entry);
}
// Byte fields differ between the register and memory rows of one opcode only in their operand letters.
const count = FIRST_UOP + UOPS.length;
const ATTRIBUTES_AT = rows * ROW_SIZE;
const DEAD_AT = ATTRIBUTES_AT + count * 4;
const GENERIC_AT = DEAD_AT + count * 2;
const FUSED_AT = GENERIC_AT + count * 2;
const WRITES_AT = FUSED_AT + count * 2;
const INDEXLESS_AT = (WRITES_AT + count + 1) & ~1;
const COLD_AT = INDEXLESS_AT + count * 2;
const bytes = (COLD_AT + count * 2 + 7) & ~7;
const image = new DataView(new ArrayBuffer(bytes));
new Uint8Array(image.buffer).set(new Uint8Array(rom.buffer));
const FALL = 1;
const SEGMENT = 4;
const TOO_LONG = 6;
const AHEAD = 7;
image.setUint32(ATTRIBUTES_AT + SEGMENT * 4, 1 << ATTRIBUTE.faults, true);
image.setUint32(ATTRIBUTES_AT + AHEAD * 4, 1 << ATTRIBUTE.faults, true);
image.setUint32(ATTRIBUTES_AT + FALL * 4, 1 << ATTRIBUTE.terminal, true);
image.setUint32(ATTRIBUTES_AT + TOO_LONG * 4, (1 << ATTRIBUTE.terminal) | (1 << ATTRIBUTE.faults), true);
for (let fixed = 0; fixed < FIRST_UOP; fixed++) image.setUint16(COLD_AT + fixed * 2, fixed, true);
for (const uop of UOPS) {
  image.setUint16(COLD_AT + uop.id * 2, coldNumbers.get(uop) ?? 0, true);
  image.setUint32(ATTRIBUTES_AT + uop.id * 4, attributes(uop), true);
  image.setUint8(WRITES_AT + uop.id, flagMasks(uop).writes);
  image.setUint16(DEAD_AT + uop.id * 2, uop.variants.dead?.id ?? 0, true);
  image.setUint16(GENERIC_AT + uop.id * 2, uop.variants.generic?.id ?? 0, true);
  image.setUint16(INDEXLESS_AT + uop.id * 2, uop.variants.indexless?.id ?? 0, true);
  image.setUint16(FUSED_AT + uop.id * 2, uop.variants.fused?.[0]?.id ?? 0, true);
}
for (const uop of UOPS)
  uop.variants.fused?.forEach((fused, i) => {
    if (fused.id !== uop.variants.fused![0]!.id + i) throw new Error('fused variants must be consecutive');
  });
const stores: string[] = [];
for (let at = 0; at < bytes; at += 8) {
  const value = image.getBigUint64(at, true);
  if (value) stores.push(`  store<u64>(DECODE_ROM + ${at}, 0x${value.toString(16)});`);
}
/** The numbers of a table of this folder, for the decoder. */
function codes(prefix: string, table: Record<string, number>): string {
  return Object.entries(table)
    .map(([name, value]) => `export const ${prefix}_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}: u32 = ${value};`)
    .join('\n');
}

const romText = `${BANNER}import { DECODE_ROM } from '../layout';

export const ROM_ROWS: usize = DECODE_ROM;
export const ROM_ATTRIBUTES: usize = DECODE_ROM + ${ATTRIBUTES_AT};
export const ROM_DEAD: usize = DECODE_ROM + ${DEAD_AT};
export const ROM_GENERIC: usize = DECODE_ROM + ${GENERIC_AT};
export const ROM_FUSED: usize = DECODE_ROM + ${FUSED_AT};
export const ROM_WRITES: usize = DECODE_ROM + ${WRITES_AT};
export const ROM_INDEXLESS: usize = DECODE_ROM + ${INDEXLESS_AT};
export const ROM_COLD: usize = DECODE_ROM + ${COLD_AT};
export const ROM_SIZE: usize = ${bytes};
${Object.entries(ATTRIBUTE)
  .map(([name, bit]) => `export const ATTRIBUTE_${name.toUpperCase()}: u32 = ${bit};`)
  .join('\n')}
${codes('FIELD', FIELD)}
${codes('IMMEDIATE', IMMEDIATE)}
${codes('ROW', ROW_FLAG)}
/** Position of a condition's variant behind the first fused one, by condition code >> 1; 15: not fusable. */
export const FUSED_ORDER: u64 = 0x${[0, 1, 2, 3, 4, 5, 6, 7]
  .map((cc) => FUSED_CONDITIONS.indexOf(cc * 2))
  .map((i) => (i < 0 ? 15 : i))
  .reduceRight((text, i) => text + i.toString(16), '')};

/** Writes the decode tables. Once per host. */
export function writeRom(): void {
${stores.join('\n')}
}
`;

mkdirSync(out, { recursive: true });
const write = (name: string, body: string, extra = '') =>
  writeFileSync(join(out, name), `${BANNER}${imports(body)}${extra}\n\n${body}`);
write('interpret.ts', hotBody, "\nimport { cold } from './cold';");
write('cold.ts', coldBody, "\nimport { ROM_COLD } from './rom';");
writeFileSync(join(out, 'rom.ts'), romText);
process.stderr.write(
  `isa: ${entries.length} rows, ${UOPS.length} µops, ${hot} hot, ${coldBodies.size} cold bodies, rom ${bytes} bytes\n`,
);
