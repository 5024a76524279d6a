/**
 * A µop interpreter in plain TypeScript: one dense switch over 16-byte µops in flat memory, registers in the vCPU, the
 * one-compare TLB, lazy flags, links between blocks and the instruction budget, as in assembly/generated/interpret.ts. It
 * has 28 µops instead of hundreds and returns where that one goes its slow ways. The cases are literals, numbered as in
 * uops.ts: V8 makes a jump table of nothing else.
 */
import type { Flat } from '../micro/machine.js';

const HEADER = 8; // in words
const LINK0 = 5;
const UOP = 4;
const AUX_CF = 0x80000000;

/** Runs blocks from `first` while the budget lasts. Returns what is left of it, or −1 if a slow way would be needed. */
export function interpreter({ u8, i32, s, at }: Flat): (first: number, allowance: number) => number {
  const mask = at('TLB_INDEX_MASK');
  const tagR = at('TLB_TAG_R') >>> 2;
  const tagW = at('TLB_TAG_W') >>> 2;
  const addend = at('TLB_ADDEND') >>> 2;
  const bankAt = (s + at('VCPU_TLB_BANK')) >>> 2;
  const flagResult = (s + at('VCPU_FLAG_RESULT')) >>> 2;
  const flagAux = (s + at('VCPU_FLAG_AUX')) >>> 2;

  return (first, allowance) => {
    const tlb = i32[bankAt]!;
    let block = first >>> 2;
    let budget = allowance - i32[block]!;
    if (budget < 0) return allowance;
    let pc = block + HEADER;
    for (;;) {
      const word = i32[pc]!;
      const a = (s + ((word >>> 16) & 0xff)) >>> 2;
      const b = (s + (word >>> 24)) >>> 2;
      let link = 0;
      switch (word & 0xffff) {
        case 1: // MOV
          i32[a] = i32[b]!;
          pc += UOP;
          continue;
        case 2: // MOV_I
          i32[a] = i32[pc + 3]!;
          pc += UOP;
          continue;
        case 3: // ADD
          i32[a] = i32[a]! + i32[b]!;
          pc += UOP;
          continue;
        case 4: // ADD_I
          i32[a] = i32[a]! + i32[pc + 3]!;
          pc += UOP;
          continue;
        case 5: // SUB
          i32[a] = i32[a]! - i32[b]!;
          pc += UOP;
          continue;
        case 6: // SUB_I
          i32[a] = i32[a]! - i32[pc + 3]!;
          pc += UOP;
          continue;
        case 7: // AND
          i32[a] = i32[a]! & i32[b]!;
          pc += UOP;
          continue;
        case 8: // AND_I
          i32[a] = i32[a]! & i32[pc + 3]!;
          pc += UOP;
          continue;
        case 9: {
          // AND_I_FLAGS
          const result = i32[a]! & i32[pc + 3]!;
          i32[a] = result;
          i32[flagResult] = result;
          i32[flagAux] = 0;
          pc += UOP;
          continue;
        }
        case 10: // OR
          i32[a] = i32[a]! | i32[b]!;
          pc += UOP;
          continue;
        case 11: // OR_I
          i32[a] = i32[a]! | i32[pc + 3]!;
          pc += UOP;
          continue;
        case 12: // XOR
          i32[a] = i32[a]! ^ i32[b]!;
          pc += UOP;
          continue;
        case 13: // XOR_I
          i32[a] = i32[a]! ^ i32[pc + 3]!;
          pc += UOP;
          continue;
        case 14: // INC
          i32[a] = i32[a]! + 1;
          pc += UOP;
          continue;
        case 15: // DEC
          i32[a] = i32[a]! - 1;
          pc += UOP;
          continue;
        case 16: {
          // DEC_FLAGS
          const value = i32[a]!;
          const result = (value - 1) | 0;
          i32[a] = result;
          i32[flagResult] = result;
          // CF stays; bit 30 is CF ^ OF, bit 3 the borrow of the low digit.
          const overflow = (value & ~result & 0x80000000) >>> 1;
          const carry = i32[flagAux]! & AUX_CF;
          i32[flagAux] = carry | ((carry >>> 1) ^ overflow) | (~value & result & 8);
          pc += UOP;
          continue;
        }
        case 17: {
          // ROL_I
          const value = i32[a]!;
          const n = i32[pc + 3]!;
          i32[a] = (value << n) | (value >>> (32 - n));
          pc += UOP;
          continue;
        }
        case 18: // SHL_I
          i32[a] = i32[a]! << i32[pc + 3]!;
          pc += UOP;
          continue;
        case 19: // SHR_I
          i32[a] = i32[a]! >>> i32[pc + 3]!;
          pc += UOP;
          continue;
        case 20: // LEA
          i32[a] = address(pc);
          pc += UOP;
          continue;
        case 21: {
          // LOAD
          const m = address(pc);
          const entry = (tlb + ((m >>> 8) & mask)) >>> 2;
          if (i32[entry + tagR]! !== ((m + 3) & 0xfffff000)) return -1;
          const host = (m + i32[entry + addend]!) >>> 0;
          i32[a] = host & 3 ? unaligned(host) : i32[host >>> 2]!;
          pc += UOP;
          continue;
        }
        case 22: {
          // LOAD_8
          const m = address(pc);
          const entry = (tlb + ((m >>> 8) & mask)) >>> 2;
          if (i32[entry + tagR]! !== (m & 0xfffff000)) return -1;
          i32[a] = u8[(m + i32[entry + addend]!) >>> 0]!;
          pc += UOP;
          continue;
        }
        case 23: {
          // STORE
          const m = address(pc);
          const entry = (tlb + ((m >>> 8) & mask)) >>> 2;
          if (i32[entry + tagW]! !== ((m + 3) & 0xfffff000)) return -1;
          const host = (m + i32[entry + addend]!) >>> 0;
          if (host & 3) return -1;
          i32[host >>> 2] = i32[b]!;
          pc += UOP;
          continue;
        }
        case 24: {
          // STORE_8
          const m = address(pc);
          const entry = (tlb + ((m >>> 8) & mask)) >>> 2;
          if (i32[entry + tagW]! !== (m & 0xfffff000)) return -1;
          u8[(m + i32[entry + addend]!) >>> 0] = i32[b]!;
          pc += UOP;
          continue;
        }
        case 25: // JMP
          link = LINK0;
          break;
        case 26: // JZ
          link = i32[flagResult] === 0 ? LINK0 : LINK0 + 1;
          break;
        case 27: // JNZ
          link = i32[flagResult] !== 0 ? LINK0 : LINK0 + 1;
          break;
        default:
          return -1;
      }
      block = i32[block + link]! >>> 2;
      const left = budget - i32[block]!;
      if (left < 0) return budget;
      budget = left;
      pc = block + HEADER;
    }
  };

  function address(pc: number): number {
    const word = i32[pc + 1]!;
    const base = i32[(s + (word & 0xff)) >>> 2]! | 0;
    const index = i32[(s + ((word >>> 8) & 0xff)) >>> 2]!;
    return (base + i32[pc + 2]! + (index << ((word >>> 16) & 0xff))) | 0;
  }

  function unaligned(host: number): number {
    return u8[host]! | (u8[host + 1]! << 8) | (u8[host + 2]! << 16) | (u8[host + 3]! << 24);
  }
}
