/**
 * One physical CPU for one quantum of virtual time: the unit of parallel work.
 *
 *   queue ──▶ current ──slice over, yield, preemption──▶ queue          run-queue.ts: who comes first
 *     │          │ HLT, poll                            ▲
 *     │          ├──▶ blocked ──wake time, event────────┤
 *     │          └──▶ deferred ──quantum's end──────────┤
 *     └─────────────▶ parked: cap used up ──refill──────┘
 *
 * All state lies in flat memory, so any worker can run the next quantum. What leaves the quantum is returned as data.
 *
 * Time. A pCPU's time advances by the modelled cycles of the vCPU that runs. Two kinds of deadline must not be mixed up:
 *  - A *chunk* ends where the domain's clock is compared with its timers (assembly/vmx/slice.ts). Chunks depend on the domain
 *    alone, so a timer interrupt hits the same instruction whoever else runs on the pCPU.
 *  - Slices and quanta only pause a vCPU; they change nothing that a domain can see.
 */
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { contextSwitch, VCPU_NONE } from './context-switch.js';
import { budget, charge, usesCredit } from './credit.js';
import { handleExit, keepsTimers, mayWake } from './exits.js';
import { BLOCK, DEFER, END, Guest, RESUME, type Send, type Verdict, YIELD } from './guest.js';
import { type AuditEntry, Hooks, type ResolvedRule } from './hooks.js';
import { dequeue, earliestWake, enqueue, enqueueBlocked, enqueueWoken, noteStart, takeWoken } from './run-queue.js';
import { stateHash } from './state-hash.js';
import { NEVER, nextDeadline, nextInterrupt, syncTimers } from './timers.js';
import type { Outcome } from './types.js';

// Not architectural: assembly/record.ts, assembly/vmx/slice.ts
const EXIT_BUDGET = 0xffff;
const EXIT_CHUNK = 0xfffe;
/** DOMAIN_STATE of a domain that is destroyed at the quantum's end. */
const DOMAIN_ENDED = 2;
/** Least part of a slice that a vCPU runs before one that woke may preempt it: 1 ms of 30 ms in Xen (sched_ratelimit_us). */
const RATE_LIMIT = 30;

export interface EndedDomain {
  readonly domain: number;
  readonly outcome: Outcome;
  readonly stateHash: string;
}

/** What a quantum of a pCPU hands to the host. Everything but `wallMs` is deterministic. */
export interface PcpuReport {
  readonly pcpu: number;
  readonly console: readonly { readonly domain: number; readonly bytes: Uint8Array }[];
  readonly ended: readonly EndedDomain[];
  /** Events for domains of other pCPUs, in order. */
  readonly sends: readonly Send[];
  /** Domains whose hypercall is to be carried out between quanta, in order. */
  readonly calls: readonly number[];
  readonly audit: readonly AuditEntry[];
  /** Wall-clock milliseconds by domain. */
  readonly wallMs: readonly { readonly domain: number; readonly ms: number }[];
}

/** Runs pCPUs over one core. Guests are cached: there is one runner per (thread, host). */
export class PcpuRunner {
  readonly core: Core;
  readonly #host: HostView;
  readonly #guests = new Map<number, Guest>();
  readonly #ownClock: boolean;
  readonly #slice: number;
  /** Whoever wakes with more credit preempts. */
  readonly #boost: boolean;
  readonly #hooks: Hooks;
  /** Sends of the running quantum, by all its guests. */
  readonly #sends: Send[] = [];

  constructor(core: Core, rules: readonly ResolvedRule[] = []) {
    this.core = core;
    this.#hooks = new Hooks(core, rules);
    const l = core.layout;
    this.#host = new HostView(core);
    this.#slice = this.#host.sliceCycles;
    this.#boost = usesCredit(core) && core.read(l.HOST_BOOST) !== 0;
    this.#ownClock = core.read(l.HOST_CLOCK_MODE) === l.HOST_CLOCK_DOMAIN;
  }

  guest(index: number): Guest {
    let guest = this.#guests.get(index);
    if (guest === undefined) {
      guest = new Guest(this.core, this.#host.vcpuAddress(index), this.#hooks);
      guest.sends = this.#sends;
      this.#guests.set(index, guest);
    }
    return guest;
  }

  /** Runs pCPU `index` until its time reaches `end`. */
  run(index: number, end: number): PcpuReport {
    const { core } = this;
    const l = core.layout;
    const p = this.#host.pcpuAddress(index);
    const ended: EndedDomain[] = [];
    const calls: number[] = [];
    const touched = new Set<Guest>();
    const wall = new Map<number, number>();
    let time = core.readU64(p + l.PCPU_TIME);
    let mark = performance.now(); // where the time of the vCPU that runs begins: the clock is not free
    for (;;) {
      this.#wake(p, time);
      if (time >= end) break;
      const current = core.read(p + l.PCPU_CURRENT);
      if (current === VCPU_NONE) {
        const next = dequeue(core, p, time);
        if (next === VCPU_NONE) time = Math.min(earliestWake(core, p), end);
        else time = this.#switch(p, VCPU_NONE, next, time);
        continue;
      }
      if (core.read(p + l.PCPU_PREEMPT) !== 0 && time >= this.#protectedUntil(p)) {
        const preemptions = this.#host.vcpuAddress(current) + l.VCPU_PREEMPTIONS;
        core.write(preemptions, core.read(preemptions) + 1);
        enqueue(core, p, current, time);
        time = this.#switch(p, current, dequeue(core, p, time), time);
        continue;
      }
      const guest = this.guest(current);
      touched.add(guest);
      const before = time;
      const d = guest.domain.base;
      const verdict = this.#runVcpu(guest, p, time, this.#deadline(p, d, time, end));
      time = this.#stopped;
      core.writeF64(p + l.PCPU_BUSY, core.readF64(p + l.PCPU_BUSY) + time - before);
      charge(core, d, time - before);
      if (verdict === END) {
        guest.drain();
        core.write(guest.vcpu.base + l.VCPU_RUN_STATE, l.RUN_NONE);
        core.write(d + l.DOMAIN_STATE, DOMAIN_ENDED);
        const outcome = guest.outcome ?? { kind: 'platform-error', message: 'the domain ended without an outcome' };
        ended.push({ domain: current, outcome, stateHash: stateHash(core, guest.vcpu.base) });
      } else if (verdict === BLOCK) {
        this.#block(guest, p, time);
      } else if (verdict === DEFER) {
        core.write(guest.vcpu.base + l.VCPU_RUN_STATE, l.RUN_DEFERRED);
        calls.push(current);
      }
      if (verdict === YIELD) {
        // Whoever waits comes first, even if it has less credit.
        const next = dequeue(core, p, time);
        if (next !== VCPU_NONE) enqueue(core, p, current, time);
        time = this.#switch(p, current, next === VCPU_NONE ? current : next, time);
      } else if (verdict !== RESUME || time >= core.readF64(p + l.PCPU_SLICE_END) || budget(core, d, time) <= 0) {
        this.#wake(p, time);
        if (verdict === RESUME) enqueue(core, p, current, time);
        time = this.#switch(p, current, dequeue(core, p, time), time);
      }
      const now = performance.now();
      wall.set(current, (wall.get(current) ?? 0) + now - mark);
      mark = now;
    }
    core.writeU64(p + l.PCPU_TIME, time);
    const effects = { sends: this.#sends.splice(0), calls, audit: this.#hooks.takeAudit() };
    return report(index, touched, ended, effects, wall);
  }

  /** Switches the pCPU at pCPU time `time`; returns the time at which the new vCPU's slice begins. */
  #switch(p: number, from: number, to: number, time: number): number {
    const { core } = this;
    const l = core.layout;
    const begin = time + contextSwitch(core, p, from, to);
    if (from !== to) {
      core.writeF64(p + l.PCPU_SWITCHED_AT, begin);
      if (to !== VCPU_NONE) noteStart(core, to, begin);
    }
    core.writeF64(p + l.PCPU_SLICE_END, begin + this.#slice);
    core.write(p + l.PCPU_PREEMPT, 0);
    return begin;
  }

  /** pCPU time up to which the current vCPU may run from `time` on before the scheduler looks again. */
  #deadline(p: number, d: number, time: number, end: number): number {
    const { core } = this;
    const { PCPU_SLICE_END, PCPU_PREEMPT } = core.layout;
    const deadline = Math.min(core.readF64(p + PCPU_SLICE_END), end, time + budget(core, d, time));
    if (!this.#boost) return deadline;
    const waits = core.read(p + PCPU_PREEMPT) !== 0;
    return Math.min(deadline, waits ? this.#protectedUntil(p) : this.#nextBoost(p));
  }

  /** pCPU time at which whoever wakes next may preempt the current vCPU. */
  #nextBoost(p: number): number {
    return Math.max(earliestWake(this.core, p), this.#protectedUntil(p));
  }

  /** pCPU time until which the current vCPU is not preempted: a storm of events must not be a storm of switches. */
  #protectedUntil(p: number): number {
    return this.core.readF64(p + this.core.layout.PCPU_SWITCHED_AT) + this.#slice / RATE_LIMIT;
  }

  /** pCPU time at which #runVcpu stopped: a second result without an allocation. */
  #stopped = 0;

  /** Runs a vCPU from pCPU time `time` to about `end`, or until another may preempt it. RESUME: that time came. */
  #runVcpu(guest: Guest, p: number, time: number, end: number): Verdict {
    const { core } = this;
    const l = core.layout;
    const v = guest.vcpu.base;
    const chunkEndAt = v + l.VCPU_CHUNK_END;
    let base = time - core.call.modelledCycles(v);
    guest.base = base;
    guest.deadline = 0;
    if (!this.#ownClock) {
      core.call.setIdle(v, base);
      core.writeF64(chunkEndAt, 0);
    }
    let deadline = end;
    let verdict: Verdict = RESUME;
    try {
      for (let looked = 0; verdict === RESUME; ) {
        const reason = core.call.runSlice(v, deadline - base, looked);
        looked = 0;
        if (reason === EXIT_BUDGET) break;
        if (reason === EXIT_CHUNK) {
          if (isAtLimit(guest)) verdict = guest.end({ kind: 'limit', limit: 'instructions' });
          else {
            syncTimers(guest, guest.clock());
            guest.deadline = nextDeadline(guest);
            looked = 1;
          }
          continue;
        }
        if (!keepsTimers(reason)) guest.deadline = 0;
        verdict = handleExit(guest, reason);
        if (guest.stolen === 0) core.writeF64(chunkEndAt, 0);
        else base = this.#steal(guest, base);
        // It may have woken another one.
        if (this.#boost && mayWake(reason)) deadline = Math.min(deadline, this.#nextBoost(p));
      }
      if (verdict === RESUME && exceededByEvents(guest)) verdict = guest.end({ kind: 'limit', limit: 'instructions' });
    } catch (error) {
      // A trap in the core: this domain alone ends. Its cycles may not be readable any more.
      const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      verdict = guest.end({ kind: 'platform-error', message });
    }
    this.#stopped = base + core.call.modelledCycles(v);
    return verdict;
  }

  /** An exit took time that is not the domain's; returns the new base. Its chunk goes on: the domain must not notice. */
  #steal(guest: Guest, base: number): number {
    const { core } = this;
    guest.base = base + guest.stolen;
    guest.stolen = 0;
    if (!this.#ownClock) {
      core.call.setIdle(guest.vcpu.base, guest.base);
      core.writeF64(guest.vcpu.base + core.layout.VCPU_CHUNK_END, 0);
    }
    return guest.base;
  }

  /** A vCPU waits until its domain's next interrupt or event. */
  #block(guest: Guest, p: number, time: number): void {
    const { core } = this;
    const next = nextInterrupt(guest);
    // Without a time only an event ends the wait.
    const wake = next >= NEVER ? NEVER : time + Math.max(0, next - guest.clock());
    enqueueBlocked(core, p, guest.index, time, wake);
  }

  /** Makes vCPUs runnable whose time to wake has come by `time`. */
  #wake(p: number, time: number): void {
    const { core } = this;
    const l = core.layout;
    for (;;) {
      const index = takeWoken(core, p, time);
      if (index === VCPU_NONE) return;
      const guest = this.guest(index);
      const v = guest.vcpu.base;
      const woken = core.readF64(v + l.VCPU_WAKE);
      core.writeF64(v + l.VCPU_CHUNK_END, 0);
      if (this.#ownClock) {
        // The domain slept exactly until its interrupt, however late its pCPU is.
        const slept = woken - core.readF64(v + l.VCPU_BLOCKED_AT);
        core.call.setIdle(v, core.readF64(v + l.VCPU_IDLE) + slept);
        syncTimers(guest, guest.clock());
      }
      core.write(v + l.VCPU_POLL_PORT, l.POLL_NONE);
      if (enqueueWoken(core, p, index, woken) && this.#boost) core.write(p + l.PCPU_PREEMPT, 1);
    }
  }
}

function isAtLimit({ core, vcpu }: Guest): boolean {
  const limit = core.readF64(vcpu.base + core.layout.VCPU_MAX_RETIRED);
  return limit > 0 && vcpu.retired >= limit;
}

/** A guest that only takes exceptions retires nothing: they count against its limit too. */
function exceededByEvents(guest: Guest): boolean {
  const { core, vcpu } = guest;
  const limit = core.readF64(vcpu.base + core.layout.VCPU_MAX_RETIRED);
  const { COUNTER_EXCEPTION, COUNTER_INTERRUPT } = core.layout;
  return limit > 0 && vcpu.counter(COUNTER_EXCEPTION) + vcpu.counter(COUNTER_INTERRUPT) > limit;
}

function report(
  pcpu: number,
  touched: ReadonlySet<Guest>,
  ended: readonly EndedDomain[],
  effects: Pick<PcpuReport, 'sends' | 'calls' | 'audit'>,
  wall: ReadonlyMap<number, number>,
): PcpuReport {
  const console: { domain: number; bytes: Uint8Array }[] = [];
  for (const guest of [...touched].sort((a, b) => a.index - b.index)) {
    guest.drain();
    for (const bytes of guest.console) console.push({ domain: guest.index, bytes });
    guest.console = [];
  }
  return { pcpu, console, ended, ...effects, wallMs: [...wall].map(([domain, ms]) => ({ domain, ms })) };
}
