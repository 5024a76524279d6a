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
export function interpreter({ u8, u32, s, at }: Flat): (first: number, allowance: number) => number {
  const mask = at('TLB_INDEX_MASK');
  const tagR = at('TLB_TAG_R') >>> 2;
  const tagW = at('TLB_TAG_W') >>> 2;
  const addend = at('TLB_ADDEND') >>> 2;
  const bankAt = (s + at('VCPU_TLB_BANK')) >>> 2;
  const flagResult = (s + at('VCPU_FLAG_RESULT')) >>> 2;
  const flagAux = (s + at('VCPU_FLAG_AUX')) >>> 2;

  return (first, allowance) => {
    const tlb = u32[bankAt]!;
    let block = first >>> 2;
    let budget = allowance - u32[block]!;
    if (budget < 0) return allowance;
    let pc = block + HEADER;
    for (;;) {
      const word = u32[pc]!;
      const a = (s + ((word >>> 16) & 0xff)) >>> 2;
      const b = (s + (word >>> 24)) >>> 2;
      let link = 0;
      switch (word & 0xffff) {
        case 1: // MOV
          u32[a] = u32[b]!;
          pc += UOP;
          continue;
        case 2: // MOV_I
          u32[a] = u32[pc + 3]!;
          pc += UOP;
          continue;
        case 3: // ADD
          u32[a] = u32[a]! + u32[b]!;
          pc += UOP;
          continue;
        case 4: // ADD_I
          u32[a] = u32[a]! + u32[pc + 3]!;
          pc += UOP;
          continue;
        case 5: // SUB
          u32[a] = u32[a]! - u32[b]!;
          pc += UOP;
          continue;
        case 6: // SUB_I
          u32[a] = u32[a]! - u32[pc + 3]!;
          pc += UOP;
          continue;
        case 7: // AND
          u32[a] = u32[a]! & u32[b]!;
          pc += UOP;
          continue;
        case 8: // AND_I
          u32[a] = u32[a]! & u32[pc + 3]!;
          pc += UOP;
          continue;
        case 9: {
          // AND_I_FLAGS
          const result = u32[a]! & u32[pc + 3]!;
          u32[a] = result;
          u32[flagResult] = result;
          u32[flagAux] = 0;
          pc += UOP;
          continue;
        }
        case 10: // OR
          u32[a] = u32[a]! | u32[b]!;
          pc += UOP;
          continue;
        case 11: // OR_I
          u32[a] = u32[a]! | u32[pc + 3]!;
          pc += UOP;
          continue;
        case 12: // XOR
          u32[a] = u32[a]! ^ u32[b]!;
          pc += UOP;
          continue;
        case 13: // XOR_I
          u32[a] = u32[a]! ^ u32[pc + 3]!;
          pc += UOP;
          continue;
        case 14: // INC
          u32[a] = u32[a]! + 1;
          pc += UOP;
          continue;
        case 15: // DEC
          u32[a] = u32[a]! - 1;
          pc += UOP;
          continue;
        case 16: {
          // DEC_FLAGS
          const value = u32[a]! | 0;
          const result = (value - 1) | 0;
          u32[a] = result;
          u32[flagResult] = result;
          // CF stays; bit 30 is CF ^ OF, bit 3 the borrow of the low digit.
          const overflow = (value & ~result & 0x80000000) >>> 1;
          const carry = u32[flagAux]! & AUX_CF;
          u32[flagAux] = (carry | ((carry >>> 1) ^ overflow) | (~value & result & 8)) >>> 0;
          pc += UOP;
          continue;
        }
        case 17: {
          // ROL_I
          const value = u32[a]!;
          const n = u32[pc + 3]!;
          u32[a] = (value << n) | (value >>> (32 - n));
          pc += UOP;
          continue;
        }
        case 18: // SHL_I
          u32[a] = u32[a]! << u32[pc + 3]!;
          pc += UOP;
          continue;
        case 19: // SHR_I
          u32[a] = u32[a]! >>> u32[pc + 3]!;
          pc += UOP;
          continue;
        case 20: // LEA
          u32[a] = address(pc);
          pc += UOP;
          continue;
        case 21: {
          // LOAD
          const m = address(pc);
          const entry = (tlb + ((m >>> 8) & mask)) >>> 2;
          if ((u32[entry + tagR]! | 0) !== ((m + 3) & 0xfffff000)) return -1;
          const host = (m + u32[entry + addend]!) >>> 0;
          u32[a] = host & 3 ? unaligned(host) : u32[host >>> 2]!;
          pc += UOP;
          continue;
        }
        case 22: {
          // LOAD_8
          const m = address(pc);
          const entry = (tlb + ((m >>> 8) & mask)) >>> 2;
          if ((u32[entry + tagR]! | 0) !== (m & 0xfffff000)) return -1;
          u32[a] = u8[(m + u32[entry + addend]!) >>> 0]!;
          pc += UOP;
          continue;
        }
        case 23: {
          // STORE
          const m = address(pc);
          const entry = (tlb + ((m >>> 8) & mask)) >>> 2;
          if ((u32[entry + tagW]! | 0) !== ((m + 3) & 0xfffff000)) return -1;
          const host = (m + u32[entry + addend]!) >>> 0;
          if (host & 3) return -1;
          u32[host >>> 2] = u32[b]!;
          pc += UOP;
          continue;
        }
        case 24: {
          // STORE_8
          const m = address(pc);
          const entry = (tlb + ((m >>> 8) & mask)) >>> 2;
          if ((u32[entry + tagW]! | 0) !== (m & 0xfffff000)) return -1;
          u8[(m + u32[entry + addend]!) >>> 0] = u32[b]!;
          pc += UOP;
          continue;
        }
        case 25: // JMP
          link = LINK0;
          break;
        case 26: // JZ
          link = u32[flagResult] === 0 ? LINK0 : LINK0 + 1;
          break;
        case 27: // JNZ
          link = u32[flagResult] !== 0 ? LINK0 : LINK0 + 1;
          break;
        default:
          return -1;
      }
      block = u32[block + link]! >>> 2;
      const left = budget - u32[block]!;
      if (left < 0) return budget;
      budget = left;
      pc = block + HEADER;
    }
  };

  function address(pc: number): number {
    const word = u32[pc + 1]!;
    const base = u32[(s + (word & 0xff)) >>> 2]! | 0;
    const index = u32[(s + ((word >>> 8) & 0xff)) >>> 2]!;
    return (base + (u32[pc + 2]! | 0) + (index << ((word >>> 16) & 0xff))) | 0;
  }

  function unaligned(host: number): number {
    return u8[host]! | (u8[host + 1]! << 8) | (u8[host + 2]! << 16) | (u8[host + 3]! << 24);
  }
}
