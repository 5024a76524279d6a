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
  VCPU_DEBUG,
  VCPU_DEBUG_PENDING,
  VCPU_EFLAGS,
  VCPU_EXIT_LENGTH,
  VCPU_EXIT_REASON,
  VCPU_FAULT,
  VCPU_INHIBIT,
  VCPU_INTR,
  VCPU_VECTORING_INFO,
} from '../layout';
import { syncCodeEpoch } from '../mmu/code';
import { countExit, EXIT_BUDGET, faulted, VECTOR_DB } from '../record';
import { notified } from '../smm/unit';
import { beginRun, charge, settle } from './budget';
import { breakpointsHere, DR6_BS, met, raiseDebug } from './debug';
import { FLAG_IF, FLAG_RF, FLAG_TF } from './flags';
import { deliverException, deliverFault, deliverInterrupt, resumeDelivery } from './interrupts';
import { findBlock, stepBlock } from './translate';
import { BLOCK_COUNT, STATUS_FAULT } from './uops';

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

/** Delivers the debug traps that were met. False: an exit is to be returned. */
function trapDebug(s: usize): bool {
  const causes = load<u32>(s + VCPU_DEBUG_PENDING) | breakpointsHere(s);
  store<u32>(s + VCPU_DEBUG_PENDING, 0);
  deliverException(s, VECTOR_DB, FAULT_NO_ERROR, causes);
  return !faulted(s);
}

/**
 * What an instruction met that did not complete is void, unless it is one that its exit's handler completes. One that
 * is to be tried again starts from what was: RF, what the instruction before inhibits, and the traps `pending` that MOV
 * SS held back.
 */
function abandonStep(s: usize, eflags: u32, pending: u32, inhibit: u32): bool {
  const exit = load<u32>(s + VCPU_FAULT) == FAULT_EXIT;
  if (exit && load<u32>(s + VCPU_EXIT_LENGTH) != 0) return false;
  store<u32>(s + VCPU_DEBUG_PENDING, exit ? pending : 0);
  if (exit) {
    store<u32>(s + VCPU_EFLAGS, load<u32>(s + VCPU_EFLAGS) | (eflags & FLAG_RF));
    store<u32>(s + VCPU_INHIBIT, inhibit);
  }
  return !resolve(s);
}

/** What `stepBlock` gives, but from the cache where the instruction is a block of its own, as HLT behind STI is. */
function loneBlock(s: usize): usize {
  const blk = findBlock(s);
  if (blk && load<i32>(blk, BLOCK_COUNT) == 1) return blk;
  return faulted(s) ? 0 : stepBlock(s);
}

/**
 * Executes one instruction, then delivers the debug traps that it met. `eflags`: as they were, RF included; `inhibit`:
 * what the instruction before holds back. False: an exit is to be returned.
 */
function step(s: usize, eflags: u32, inhibit: u32): bool {
  // Suppressed behind MOV SS as if RF were set: SDM Vol. 3B, "Instruction-Breakpoint Exception Condition".
  if (!(eflags & FLAG_RF) && !(inhibit & INHIBIT_MOV_SS)) {
    const causes = breakpointsHere(s);
    if (causes) {
      raiseDebug(s, causes);
      return !resolve(s);
    }
  }
  store<u32>(s + VCPU_INHIBIT, 0);
  const pending = load<u32>(s + VCPU_DEBUG_PENDING);
  const interrupts = interruptCount(s);
  const blk = eflags & FLAG_TF || load<u32>(s + VCPU_DEBUG) ? stepBlock(s) : loneBlock(s);
  if (!blk) return abandonStep(s, eflags, pending, inhibit);
  const budget = load<i32>(s + VCPU_BUDGET);
  const status = interpret(s, blk, 1);
  store<i32>(s + VCPU_BUDGET, budget - 1 + load<i32>(s + VCPU_BUDGET));
  if (status == STATUS_FAULT) return abandonStep(s, eflags, pending, inhibit);
  if (faulted(s)) return false;
  // A software interrupt cleared TF when it was serviced: SDM Vol. 3B, "Single-Step Exception Condition".
  if (eflags & FLAG_TF && interruptCount(s) == interrupts) met(s, DR6_BS);
  if (!load<u32>(s + VCPU_DEBUG_PENDING) || load<u32>(s + VCPU_INHIBIT) & INHIBIT_MOV_SS) return true;
  // No charge: the trap belongs to the instruction's step, which made progress.
  return trapDebug(s);
}

/** Runs at most `budget` steps. Returns the basic exit reason, or EXIT_BUDGET. */
export function run(s: usize, budget: i32): u32 {
  beginRun(s, budget);
  store<u32>(s + VCPU_FAULT, FAULT_NONE);
  syncCodeEpoch(s);
  const going = notified(s) && proceed(s);
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
    const inhibit = load<u32>(s + VCPU_INHIBIT);
    const eflags = load<u32>(s + VCPU_EFLAGS);
    const debug = load<u64>(s + VCPU_DEBUG); // armed, and in the upper half pending
    if (debug >>> 32 != 0 && !(inhibit & INHIBIT_MOV_SS)) {
      charge(s);
      if (!trapDebug(s)) return false;
      continue;
    }
    if (load<u32>(s + VCPU_INTR) && eflags & FLAG_IF && !inhibit) {
      const vector = acknowledge(s);
      if (vector == NO_VECTOR) continue;
      charge(s);
      deliverInterrupt(s, vector, true);
      if (faulted(s) && resolve(s)) return false;
      continue;
    }
    // RF lasts for the instruction that IRET returned to: SDM Vol. 3B, "Instruction-Breakpoint Exception Condition".
    if (eflags & FLAG_RF) store<u32>(s + VCPU_EFLAGS, eflags & ~FLAG_RF);
    if (inhibit || eflags & FLAG_TF || debug) {
      if (!step(s, eflags, inhibit)) return false;
      continue;
    }
    const blk = findBlock(s);
    if (!blk) {
      if (faulted(s) ? resolve(s) : !step(s, eflags, inhibit)) return false;
      continue;
    }
    if (load<i32>(blk, BLOCK_COUNT) > load<i32>(s + VCPU_BUDGET)) {
      if (!step(s, eflags, inhibit)) return false;
      continue;
    }
    if (interpret(s, blk, load<i32>(s + VCPU_BUDGET)) == STATUS_FAULT && resolve(s)) return false;
  }
  return true;
}
