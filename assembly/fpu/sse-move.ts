/** Moves and shuffles. Each function returns false for an undefined encoding. */
import { VCPU_EAX } from '../layout';
import { probeWrite, writeU8 } from '../mmu/access';
import { faulted } from '../record';
import { loadBytes, storeBytes } from './memory';
import {
  enterMmx,
  enterXmm,
  isRegister,
  loadPart,
  loadXmm,
  mmx,
  P_66,
  P_F2,
  P_F3,
  P_NONE,
  regField,
  setMmx,
  storeXmm,
  touchMmx,
  xmm,
} from './sse-state';
import { fpu, X_BYTES, X_OPERAND } from './state';

function copyXmm(to: usize, from: usize): void {
  v128.store(to, v128.load(from));
}

/** 10, 11 (MOVUPS MOVUPD MOVSD MOVSS), 28, 29 (MOVAPS MOVAPD), 66/F3 6F, 7F (MOVDQA MOVDQU). */
export function moveWhole(s: usize, modrm: u32, linear: u32, toMemory: bool, unaligned: bool): bool {
  const f = fpu(s);
  const register = xmm(f, regField(modrm));
  if (!enterXmm(s)) return true;
  if (!toMemory) {
    if (loadXmm(s, f, modrm, linear, unaligned)) copyXmm(register, f + X_OPERAND);
  } else if (isRegister(modrm)) copyXmm(xmm(f, modrm & 7), register);
  else storeXmm(s, linear, register, unaligned);
  return true;
}

/** MOVSS (4 bytes), MOVSD (8): a load from memory clears the rest, a move between registers keeps it. */
export function moveScalar(s: usize, modrm: u32, linear: u32, size: u32, toMemory: bool): bool {
  const f = fpu(s);
  const register = xmm(f, regField(modrm));
  if (!enterXmm(s)) return true;
  if (isRegister(modrm)) {
    const other = xmm(f, modrm & 7);
    memory.copy(toMemory ? other : register, toMemory ? register : other, size);
  } else if (toMemory) storeBytes(s, linear, size, register);
  else if (loadPart(s, f, modrm, linear, size, register)) copyXmm(register, f + X_OPERAND);
  return true;
}

/** 12, 13, 16, 17: the low or high half. Between registers only without prefix: MOVHLPS, MOVLHPS. */
export function moveHalf(s: usize, prefix: u32, opcode: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const upper: usize = opcode >= 0x16 ? 8 : 0;
  const half = xmm(f, regField(modrm)) + upper;
  if (prefix == P_F2 || prefix == P_F3) return false;
  if (isRegister(modrm)) {
    if (prefix == P_66 || (opcode & 1) != 0) return false;
    if (enterXmm(s)) store<u64>(half, load<u64>(xmm(f, modrm & 7) + 8 - upper));
    return true;
  }
  if (!enterXmm(s)) return true;
  if (opcode & 1) storeBytes(s, linear, 8, half);
  else if (loadBytes(s, linear, 8, f + X_BYTES)) store<u64>(half, load<u64>(f, X_BYTES));
  return true;
}

/** 2B MOVNTPS MOVNTPD, C3 MOVNTI, E7 MOVNTQ MOVNTDQ: stores whose cache hint has no effect here. */
export function moveNonTemporal(s: usize, prefix: u32, opcode: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const n = regField(modrm);
  if (isRegister(modrm) || prefix == P_F2 || prefix == P_F3) return false;
  if (opcode == 0xc3) {
    if (prefix != P_NONE) return false;
    storeBytes(s, linear, 4, s + VCPU_EAX + ((n as usize) << 2));
  } else if (opcode == 0xe7 && prefix == P_NONE) {
    if (enterMmx(s) && storeBytes(s, linear, 8, mmx(f, n))) touchMmx(f);
  } else if (enterXmm(s)) storeXmm(s, linear, xmm(f, n), false);
  return true;
}

/** 6E, 7E: MOVD between an MMX or XMM register and r/m32; F3 7E: MOVQ xmm, xmm/m64. */
export function moveDoubleword(s: usize, prefix: u32, opcode: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const n = regField(modrm);
  const wide = prefix == P_66;
  if (prefix == P_F3 && opcode == 0x7e) {
    if (enterXmm(s) && loadPart(s, f, modrm, linear, 8, xmm(f, modrm & 7))) copyXmm(xmm(f, n), f + X_OPERAND);
    return true;
  }
  if (prefix == P_F2 || prefix == P_F3) return false;
  if (wide ? !enterXmm(s) : !enterMmx(s)) return true;
  const general = s + VCPU_EAX + ((modrm & 7) << 2);
  if (opcode == 0x6e) {
    if (!loadPart(s, f, modrm, linear, 4, general)) return true;
    if (wide) copyXmm(xmm(f, n), f + X_OPERAND);
    else setMmx(f, n, load<u64>(f, X_OPERAND));
    return true;
  }
  const from = wide ? xmm(f, n) : mmx(f, n);
  if (isRegister(modrm)) store<u32>(general, load<u32>(from));
  else if (!storeBytes(s, linear, 4, from)) return true;
  if (!wide) touchMmx(f);
  return true;
}

/** 6F, 7F without prefix: MOVQ mm, mm/m64 and back. */
export function moveMmx(s: usize, opcode: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const n = regField(modrm);
  if (!enterMmx(s)) return true;
  if (opcode == 0x6f) {
    if (loadPart(s, f, modrm, linear, 8, mmx(f, modrm & 7))) setMmx(f, n, load<u64>(f, X_OPERAND));
  } else if (isRegister(modrm)) setMmx(f, modrm & 7, load<u64>(mmx(f, n)));
  else if (storeBytes(s, linear, 8, mmx(f, n))) touchMmx(f);
  return true;
}

/** D6: MOVQ xmm/m64, xmm; F3: MOVQ2DQ; F2: MOVDQ2Q. */
export function moveQuadword(s: usize, prefix: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const n = regField(modrm);
  const m = modrm & 7;
  if (prefix == P_NONE || (prefix != P_66 && !isRegister(modrm))) return false;
  if (!enterXmm(s)) return true;
  if (prefix == P_66) {
    if (!isRegister(modrm)) storeBytes(s, linear, 8, xmm(f, n));
    else {
      store<u64>(xmm(f, m), load<u64>(xmm(f, n)));
      store<u64>(xmm(f, m), 0, 8);
    }
    return true;
  }
  if (!enterMmx(s)) return true;
  if (prefix == P_F2) setMmx(f, n, load<u64>(xmm(f, m)));
  else {
    touchMmx(f);
    store<u64>(xmm(f, n), load<u64>(mmx(f, m)));
    store<u64>(xmm(f, n), 0, 8);
  }
  return true;
}

/** F7: stores the bytes whose mask byte is negative. A masked-out byte causes no fault. */
export function moveMasked(s: usize, prefix: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const wide = prefix == P_66;
  if ((prefix != P_NONE && !wide) || !isRegister(modrm)) return false;
  if (wide ? !enterXmm(s) : !enterMmx(s)) return true;
  const data = wide ? xmm(f, regField(modrm)) : mmx(f, regField(modrm));
  const mask = wide ? xmm(f, modrm & 7) : mmx(f, modrm & 7);
  const size: u32 = wide ? 16 : 8;
  for (let i: u32 = 0; i < size; i++) {
    if (load<i8>(mask + i) >= 0) continue;
    probeWrite(s, linear + i, 1);
    if (faulted(s)) return true;
  }
  for (let i: u32 = 0; i < size; i++) {
    if (load<i8>(mask + i) < 0) writeU8(s, linear + i, load<u8>(data + i));
  }
  if (!wide) touchMmx(f);
  return true;
}

/** 14, 15: UNPCKLPS UNPCKHPS UNPCKLPD UNPCKHPD */
export function unpack(s: usize, prefix: u32, opcode: u32, modrm: u32, linear: u32): bool {
  const f = fpu(s);
  const d = xmm(f, regField(modrm));
  if (prefix == P_F2 || prefix == P_F3) return false;
  if (!enterXmm(s) || !loadXmm(s, f, modrm, linear, false)) return true;
  const a = v128.load(d);
  const b = v128.load(f, X_OPERAND);
  if (prefix == P_66) v128.store(d, opcode == 0x14 ? v128.shuffle<u64>(a, b, 0, 2) : v128.shuffle<u64>(a, b, 1, 3));
  else v128.store(d, opcode == 0x14 ? v128.shuffle<u32>(a, b, 0, 4, 1, 5) : v128.shuffle<u32>(a, b, 2, 6, 3, 7));
  return true;
}

/** 70: PSHUFW PSHUFD PSHUFHW PSHUFLW; C6: SHUFPS SHUFPD */
export function shuffle(s: usize, prefix: u32, opcode: u32, modrm: u32, linear: u32, imm: u32): bool {
  const f = fpu(s);
  const n = regField(modrm);
  const source = f + X_OPERAND;
  if (opcode == 0xc6 && (prefix == P_F2 || prefix == P_F3)) return false;
  if (opcode == 0x70 && prefix == P_NONE) {
    if (!enterMmx(s) || !loadPart(s, f, modrm, linear, 8, mmx(f, modrm & 7))) return true;
    setMmx(f, n, pickWords(load<u64>(source), imm));
    return true;
  }
  if (!enterXmm(s) || !loadXmm(s, f, modrm, linear, false)) return true;
  const d = xmm(f, n);
  const low = load<u64>(source);
  const high = load<u64>(source, 8);
  if (opcode == 0xc6) {
    const first = d;
    if (prefix == P_66) {
      const a = load<u64>(first + ((imm & 1) << 3));
      store<u64>(d, imm & 2 ? high : low, 8);
      store<u64>(d, a);
    } else {
      const a = load<u32>(first + ((imm & 3) << 2));
      const b = load<u32>(first + (((imm >>> 2) & 3) << 2));
      const c = load<u32>(source + (((imm >>> 4) & 3) << 2));
      const e = load<u32>(source + ((imm >>> 6) << 2));
      store<u64>(d, (a as u64) | ((b as u64) << 32));
      store<u64>(d, (c as u64) | ((e as u64) << 32), 8);
    }
  } else if (prefix == P_66) {
    for (let i: usize = 0; i < 4; i++)
      store<u32>(d + (i << 2), load<u32>(source + (((imm >>> ((i as u32) << 1)) & 3) << 2)));
  } else {
    store<u64>(d, prefix == P_F2 ? pickWords(low, imm) : low);
    store<u64>(d, prefix == P_F3 ? pickWords(high, imm) : high, 8);
  }
  return true;
}

/** Four words chosen by four 2-bit fields. */
function pickWords(from: u64, imm: u32): u64 {
  let result: u64 = 0;
  for (let i: u32 = 0; i < 4; i++) {
    const word = (from >>> ((((imm >>> (i << 1)) & 3) << 4) as u64)) & 0xffff;
    result |= word << ((i << 4) as u64);
  }
  return result;
}

/** 50: MOVMSKPS MOVMSKPD */
export function moveSignMask(s: usize, prefix: u32, modrm: u32): bool {
  const f = fpu(s);
  if (prefix == P_F2 || prefix == P_F3 || !isRegister(modrm)) return false;
  if (!enterXmm(s)) return true;
  const source = v128.load(xmm(f, modrm & 7));
  const mask = prefix == P_66 ? i64x2.bitmask(source) : i32x4.bitmask(source);
  store<u32>(s + VCPU_EAX + ((regField(modrm) as usize) << 2), mask);
  return true;
}
