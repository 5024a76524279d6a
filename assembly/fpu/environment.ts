/**
 * FLDENV, FSTENV, FRSTOR, FSAVE, FINIT: the environment image.
 *
 *   32-bit, protected            32-bit, real / virtual-8086        16-bit, protected     16-bit, real
 *    0  FFFF       control        0  FFFF       control              0  control            0  control
 *    4  FFFF       status         4  FFFF       status               2  status             2  status
 *    8  FFFF       tag            8  FFFF       tag                  4  tag                4  tag
 *   12  FIP                      12  FFFF       FIP[15:0]            6  FIP                6  FIP[15:0]
 *   16  FOP        FCS           16  0 FIP[31:16] 0 FOP              8  FCS                8  FIP[19:16] 0 FOP
 *   20  FDP                      20  FFFF       FDP[15:0]           10  FDP               10  FDP[15:0]
 *   24  FFFF       FDS           24  0 FDP[31:16] 0                 12  FDS               12  FDP[19:16] 0
 *
 * SDM Vol. 1, Figures 8-9 to 8-12. In real mode FIP and FDP are linear addresses: selector × 16 + offset.
 */
import { CR0_PE } from '../cpu/control';
import { FLAG_VM } from '../cpu/flags';
import {
  FPU_CONTROL,
  FPU_CS,
  FPU_DP,
  FPU_DS,
  FPU_IP,
  FPU_OPCODE,
  FPU_REGISTERS,
  FPU_TAG,
  VCPU_CR0,
  VCPU_EFLAGS,
} from '../layout';
import { CLASS_NORMAL, CLASS_ZERO, classify, copy } from './float80';
import { loadBytes, storeBytes } from './memory';
import {
  CW_INIT,
  controlWord,
  EXCEPTIONS,
  physical,
  setControlWord,
  setStatusWord,
  stack,
  statusWord,
  updateSummary,
  X_R,
} from './state';

/** The image is built in scratch memory: 108 bytes at most. */
const IMAGE: usize = X_R;

function realFormat(s: usize): bool {
  return !(load<u32>(s + VCPU_CR0) & CR0_PE) || (load<u32>(s + VCPU_EFLAGS) & FLAG_VM) != 0;
}

/** FNINIT; SDM Vol. 3A, Table 9-1, column "FINIT/FNINIT". */
export function initialize(f: usize): void {
  store<u16>(f, CW_INIT, FPU_CONTROL);
  setStatusWord(f, 0);
  store<u8>(f, 0, FPU_TAG);
  store<u16>(f, 0, FPU_OPCODE);
  store<u32>(f, 0, FPU_IP);
  store<u16>(f, 0, FPU_CS);
  store<u32>(f, 0, FPU_DP);
  store<u16>(f, 0, FPU_DS);
}

/** The 16-bit tag word: per physical register 0 valid, 1 zero, 2 special, 3 empty. */
export function tagWord(f: usize): u32 {
  const full = load<u8>(f, FPU_TAG) as u32;
  let tags: u32 = 0;
  for (let n: u32 = 0; n < 8; n++) {
    const kind = classify(f + FPU_REGISTERS + ((n as usize) << 4));
    const tag: u32 = !((full >>> n) & 1) ? 3 : kind == CLASS_NORMAL ? 0 : kind == CLASS_ZERO ? 1 : 2;
    tags |= tag << (n << 1);
  }
  return tags;
}

function setTagWord(f: usize, tags: u32): void {
  let full: u32 = 0;
  for (let n: u32 = 0; n < 8; n++) full |= u32(((tags >>> (n << 1)) & 3) != 3) << n;
  store<u8>(f, full, FPU_TAG);
}

function buildEnvironment(s: usize, f: usize, wide: bool): void {
  const p = f + IMAGE;
  const opcode = load<u16>(f, FPU_OPCODE) as u32;
  let ip = load<u32>(f, FPU_IP);
  let dp = load<u32>(f, FPU_DP);
  const cs = load<u16>(f, FPU_CS) as u32;
  const ds = load<u16>(f, FPU_DS) as u32;
  const real = realFormat(s);
  if (real) {
    ip += cs << 4;
    dp += ds << 4;
  }
  if (wide) {
    store<u32>(p, controlWord(f) | 0xffff0000);
    store<u32>(p, statusWord(f) | 0xffff0000, 4);
    store<u32>(p, tagWord(f) | 0xffff0000, 8);
    store<u32>(p, real ? ip | 0xffff0000 : ip, 12);
    store<u32>(p, real ? ((ip >>> 16) << 12) | opcode : cs | (opcode << 16), 16);
    store<u32>(p, real ? dp | 0xffff0000 : dp, 20);
    store<u32>(p, real ? (dp >>> 16) << 12 : ds | 0xffff0000, 24);
    return;
  }
  store<u16>(p, controlWord(f));
  store<u16>(p, statusWord(f), 2);
  store<u16>(p, tagWord(f), 4);
  store<u16>(p, ip, 6);
  store<u16>(p, real ? ((ip >>> 16) << 12) | opcode : cs, 8);
  store<u16>(p, dp, 10);
  store<u16>(p, real ? (dp >>> 16) << 12 : ds, 12);
}

/** Takes the environment over from scratch memory. */
function applyEnvironment(s: usize, f: usize, wide: bool): void {
  const p = f + IMAGE;
  const step: u32 = wide ? 2 : 1; // log2 of the bytes between the words
  const at = p + ((3 as usize) << step);
  const low: u32 = wide ? load<u32>(at) : load<u16>(at);
  const next: u32 = wide ? load<u32>(at, 4) : load<u16>(at, 2);
  const dataLow: u32 = wide ? load<u32>(at, 8) : load<u16>(at, 4);
  const dataNext: u32 = wide ? load<u32>(at, 12) : load<u16>(at, 6);
  if (realFormat(s)) {
    store<u32>(f, (low & 0xffff) | ((next & 0x0ffff000) << 4), FPU_IP);
    store<u16>(f, 0, FPU_CS);
    store<u16>(f, next & 0x7ff, FPU_OPCODE);
    store<u32>(f, (dataLow & 0xffff) | ((dataNext & 0x0ffff000) << 4), FPU_DP);
    store<u16>(f, 0, FPU_DS);
  } else {
    store<u32>(f, low, FPU_IP);
    store<u16>(f, next, FPU_CS);
    if (wide) store<u16>(f, (next >>> 16) & 0x7ff, FPU_OPCODE);
    store<u32>(f, dataLow, FPU_DP);
    store<u16>(f, dataNext, FPU_DS);
  }
  setTagWord(f, load<u16>(p + ((2 as usize) << step)));
  setStatusWord(f, load<u16>(p + ((1 as usize) << step)));
  setControlWord(f, load<u16>(p));
}

/** FNSTENV: stores the environment, then masks all exceptions. */
export function storeEnvironment(s: usize, f: usize, wide: bool, linear: u32): void {
  buildEnvironment(s, f, wide);
  if (!storeBytes(s, linear, wide ? 28 : 14, f + IMAGE)) return;
  store<u16>(f, controlWord(f) | EXCEPTIONS, FPU_CONTROL);
  updateSummary(f);
}

/** FLDENV */
export function loadEnvironment(s: usize, f: usize, wide: bool, linear: u32): void {
  if (loadBytes(s, linear, wide ? 28 : 14, f + IMAGE)) applyEnvironment(s, f, wide);
}

/** FNSAVE: stores environment and registers, then initialises. */
export function saveState(s: usize, f: usize, wide: bool, linear: u32): void {
  const size: u32 = wide ? 28 : 14;
  buildEnvironment(s, f, wide);
  for (let i: u32 = 0; i < 8; i++) copy(f + IMAGE + size + i * 10, stack(f, i));
  if (storeBytes(s, linear, size + 80, f + IMAGE)) initialize(f);
}

/** FRSTOR */
export function restoreState(s: usize, f: usize, wide: bool, linear: u32): void {
  const size: u32 = wide ? 28 : 14;
  if (!loadBytes(s, linear, size + 80, f + IMAGE)) return;
  applyEnvironment(s, f, wide);
  for (let i: u32 = 0; i < 8; i++) copy(f + FPU_REGISTERS + (physical(f, i) << 4), f + IMAGE + size + i * 10);
}
