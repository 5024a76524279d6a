/** String instructions with their repeat prefixes, inside the instruction budget: every iteration counts as one. */
import { VCPU_BUDGET, VCPU_EFLAGS, VCPU_EIP, VCPU_EIP_PAGE } from '../layout';
import { faulted } from '../record';
import { FLAG_RF } from './flags';
import { stringOp } from './string';
import { BLOCK_END, STATUS_FAULT, STATUS_TRANSFER, UOP_B, UOP_IMM, UOP_LENGTH } from './uops';

// The µop's immediate: prefix (0 none, 1 REP/REPE, 2 REPNE) | address size << 4
export function stringInstruction(s: usize, blk: usize, pc: usize, kind: u32, elementSize: u32): u32 {
  const imm = load<u32>(pc, UOP_IMM);
  const budget = load<i32>(s + VCPU_BUDGET);
  const end = load<u32>(s + VCPU_EIP_PAGE) + load<u32>(blk + BLOCK_END);
  // The block has paid for one iteration.
  const done = stringOp(s, kind, elementSize, imm >>> 4, load<u8>(pc, UOP_B), imm & 3, (budget + 1) as u32);
  const iterations = (done & 0x7fffffff) as i32;
  if (faulted(s)) {
    store<i32>(s + VCPU_BUDGET, budget - iterations);
    return STATUS_FAULT;
  }
  store<i32>(s + VCPU_BUDGET, iterations ? budget - (iterations - 1) : budget);
  // Between iterations RF is set, so that what interrupts here returns with it: SDM Vol. 3B, 18.3.1.1, "Instruction-Breakpoint
  // Exception Condition".
  if (!(done >>> 31)) store<u32>(s + VCPU_EFLAGS, load<u32>(s + VCPU_EFLAGS) | FLAG_RF);
  store<u32>(s + VCPU_EIP, done >>> 31 ? end : end - (load<u8>(pc, UOP_LENGTH) as u32));
  return STATUS_TRANSFER;
}
