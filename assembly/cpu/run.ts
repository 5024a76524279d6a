/**
 * The run loop: a vCPU executes exactly the given number of steps, or until a VM exit.
 *
 *   pending interrupt? → deliver        a step is an instruction retired (REP: an iteration) or an event delivered
 *   budget used up?    → return
 *   block at EIP       → interpret, or step one instruction where a block is too long or too coarse
 *   fault recorded     → exception delivered, or exit returned
 *
 * Nothing that a guest sees depends on how a run is cut into budgets.
 */

import { acknowledge, NO_VECTOR } from '../device/upcall';
import { interpret } from '../generated/interpret';
import {
  COUNTER_INTERRUPT,
  FAULT_EXIT,
  FAULT_NO_ERROR,
  FAULT_NONE,
  INHIBIT_MOV_SS,
  VCPU_BUDGET,
  VCPU_COUNTERS,
  VCPU_EFLAGS,
  VCPU_EXIT_REASON,
  VCPU_FAULT,
  VCPU_INHIBIT,
  VCPU_INTR,
  VCPU_VECTORING_INFO,
} from '../layout';
import { syncCodeEpoch } from '../mmu/code';
import { countExit, EXIT_BUDGET, faulted, VECTOR_DB } from '../record';
import { beginRun, charge, settle } from './budget';
import { FLAG_IF, FLAG_RF, FLAG_TF } from './flags';
import { deliverException, deliverFault, deliverInterrupt, resumeDelivery } from './interrupts';
import { findBlock, stepBlock } from './translate';
import { BLOCK_COUNT, STATUS_FAULT } from './uops';

const DR6_BS: u32 = 1 << 14; // single step

/** Handles the fault record. True: an exit is to be returned. */
function resolve(s: usize): bool {
  if (load<u32>(s + VCPU_FAULT) != FAULT_EXIT) {
    charge(s);
    deliverFault(s);
    if (!faulted(s)) return false;
  }
  return true;
}

function interruptCount(s: usize): u64 {
  return load<u64>(s + VCPU_COUNTERS + ((COUNTER_INTERRUPT as usize) << 3));
}

/** Executes one instruction. False: an exit is to be returned. */
function step(s: usize): bool {
  const trap = (load<u32>(s + VCPU_EFLAGS) & FLAG_TF) != 0;
  const interrupts = interruptCount(s);
  const blk = stepBlock(s);
  if (!blk) return !resolve(s);
  const budget = load<i32>(s + VCPU_BUDGET);
  const status = interpret(s, blk, 1);
  store<i32>(s + VCPU_BUDGET, budget - 1 + load<i32>(s + VCPU_BUDGET));
  if (status == STATUS_FAULT && !resolve(s)) return true;
  if (faulted(s)) return false;
  // A software interrupt cleared TF when it was serviced: SDM Vol. 3B, "Single-Step Exception Condition".
  // MOV SS holds it off for one instruction. No charge: the trap belongs to the instruction's step, which made progress.
  if (trap && interruptCount(s) == interrupts && load<u32>(s + VCPU_INHIBIT) != INHIBIT_MOV_SS) {
    deliverException(s, VECTOR_DB, FAULT_NO_ERROR, DR6_BS);
    if (faulted(s)) return false;
  }
  return true;
}

/** Runs at most `budget` steps. Returns the basic exit reason, or EXIT_BUDGET. */
export function run(s: usize, budget: i32): u32 {
  beginRun(s, budget);
  store<u32>(s + VCPU_FAULT, FAULT_NONE);
  syncCodeEpoch(s);
  const going = proceed(s);
  settle(s);
  if (going) return EXIT_BUDGET;
  countExit(s);
  return load<u32>(s + VCPU_EXIT_REASON);
}

/** True: the budget is used up; false: an exit is recorded. */
function proceed(s: usize): bool {
  while (load<i32>(s + VCPU_BUDGET) > 0) {
    // An event whose delivery a VM exit cut short comes first: SDM Vol. 3C, "Information for VM Exits During Event Delivery".
    if (load<u32>(s + VCPU_VECTORING_INFO)) {
      charge(s);
      resumeDelivery(s);
      if (faulted(s)) return false;
      continue;
    }
    const inhibited = load<u32>(s + VCPU_INHIBIT) != 0;
    const eflags = load<u32>(s + VCPU_EFLAGS);
    if (load<u32>(s + VCPU_INTR) && eflags & FLAG_IF && !inhibited) {
      const vector = acknowledge(s);
      if (vector == NO_VECTOR) continue;
      charge(s);
      deliverInterrupt(s, vector, true);
      if (faulted(s) && resolve(s)) return false;
      continue;
    }
    // RF lasts for the instruction that IRET returned to: SDM Vol. 3B, "Instruction-Breakpoint Exception Condition".
    if (eflags & FLAG_RF) store<u32>(s + VCPU_EFLAGS, eflags & ~FLAG_RF);
    if (inhibited || eflags & FLAG_TF) {
      store<u32>(s + VCPU_INHIBIT, 0);
      if (!step(s)) return false;
      continue;
    }
    const blk = findBlock(s);
    if (!blk) {
      if (faulted(s) ? resolve(s) : !step(s)) return false;
      continue;
    }
    if (load<i32>(blk, BLOCK_COUNT) > load<i32>(s + VCPU_BUDGET)) {
      if (!step(s)) return false;
      continue;
    }
    if (interpret(s, blk, load<i32>(s + VCPU_BUDGET)) == STATUS_FAULT && resolve(s)) return false;
  }
  return true;
}
