/**
 * One physical CPU for one quantum of virtual time: the unit of parallel work. The scheduler and all that happens without a
 * decision is the core's (assembly/sched/pcpu.ts); here are the verdicts on exits, and the context switches:
 *
 *   runPcpu ──▶ an exit          ──▶ exits.ts: handler ──▶ verdict ──┐
 *      ▲    ──▶ another vCPU     ──▶ context-switch.ts: observers ───┤
 *      │    ──▶ the quantum is over: a report of what leaves it      │
 *      └─────────────────────────────────────────────────────────────┘
 *
 * All state lies in flat memory, so any worker can run the next quantum. What leaves the quantum is returned as data.
 *
 * Time. A pCPU's time advances by the modelled cycles of the vCPU that runs. Two kinds of deadline must not be mixed up:
 *  - A *chunk* ends where the domain's clock is compared with its timers (assembly/vmx/slice.ts). Chunks depend on the domain
 *    alone, so a timer interrupt hits the same instruction whoever else runs on the pCPU.
 *  - Slices and quanta only pause a vCPU; they change nothing that a domain can see.
 */
// The global of the same name is a getter, at ten times the cost.
import { performance } from 'node:perf_hooks';
import type { Core } from '../machine/core.js';
import { HostView } from '../machine/views.js';
import { contextSwitch } from './context-switch.js';
import { handleExit, keepsTimers } from './exits.js';
import { DEFER, END, Guest, RESUME, type Send, type Verdict } from './guest.js';
import { type AuditEntry, Hooks, type ResolvedRule } from './hooks.js';
import { stateHash } from './state-hash.js';
import type { Outcome } from './types.js';

// Why `runPcpu` returned, beside exits: assembly/sched/pcpu.ts
const STOP_OVER = 0xffff;
const STOP_LIMIT = 0xfffd;
const STOP_SWITCH = 0xfffc;
/** VCPU_RAN_NEXT of the last of those who ran. */
const RAN_LAST = 0xffffffff;
/** It did not return. */
const STOP_TRAP = -1;
/** DOMAIN_STATE of a domain that is destroyed at the quantum's end. */
const DOMAIN_ENDED = 2;

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
  /** By index. */
  readonly #guests: (Guest | undefined)[] = [];
  readonly #ownClock: boolean;
  readonly #hooks: Hooks;
  /** Sends of the running quantum, by all its guests. */
  readonly #sends: Send[] = [];

  constructor(core: Core, rules: readonly ResolvedRule[] = []) {
    this.core = core;
    this.#hooks = new Hooks(core, rules);
    const l = core.layout;
    this.#host = new HostView(core);
    this.#ownClock = core.read(l.HOST_CLOCK_MODE) === l.HOST_CLOCK_DOMAIN;
  }

  guest(index: number): Guest {
    let guest = this.#guests[index];
    if (guest === undefined) {
      guest = new Guest(this.core, this.#host.vcpuAddress(index), this.#hooks);
      guest.sends = this.#sends;
      this.#guests[index] = guest;
    }
    return guest;
  }

  /** Runs pCPU `index` until its time reaches `end`. */
  run(index: number, end: number): PcpuReport {
    const { core } = this;
    const l = core.layout;
    const p = this.#host.pcpuAddress(index);
    const ran: Guest[] = [];
    const ended: EndedDomain[] = [];
    const calls: number[] = [];
    let mark = performance.now(); // when the clock was last read
    let verdict: Verdict = RESUME;
    let cycles = 0;
    for (;;) {
      const stop = this.#go(p, end, verdict, cycles);
      verdict = RESUME;
      cycles = 0;
      if (stop === STOP_SWITCH || stop === STOP_OVER) {
        const now = performance.now();
        this.#dealOut(p, now - mark, ran);
        mark = now;
        if (stop === STOP_OVER) break;
        cycles = contextSwitch(core, p, core.read(p + l.PCPU_CURRENT), core.read(p + l.PCPU_NEXT));
        continue;
      }
      const guest = this.guest(core.read(p + l.PCPU_CURRENT));
      verdict = this.#judge(guest, p, stop);
      if (verdict === END) ended.push(this.#end(guest));
      else if (verdict === DEFER) {
        core.write(guest.vcpu.base + l.VCPU_RUN_STATE, l.RUN_DEFERRED);
        calls.push(guest.index);
      }
    }
    return report(index, ran, { ended, sends: this.#sends.splice(0), calls, audit: this.#hooks.takeAudit() });
  }

  /** Deals `ms` out by cycles to those who ran meanwhile, and adds to `ran` who was not in it: assembly/sched/wall-time.ts. */
  #dealOut(p: number, ms: number, ran: Guest[]): void {
    const { core } = this;
    const l = core.layout;
    const total = core.readF64(p + l.PCPU_RAN_CYCLES);
    let next = core.read(p + l.PCPU_RAN);
    while (next !== 0 && next !== RAN_LAST) {
      const guest = this.guest(next - 1);
      const v = guest.vcpu.base;
      guest.wallMs += total > 0 ? (ms * core.readF64(v + l.VCPU_RAN)) / total : 0;
      if (!guest.ran) ran.push(guest);
      guest.ran = true;
      next = core.read(v + l.VCPU_RAN_NEXT);
      core.write(v + l.VCPU_RAN_NEXT, 0);
      core.writeF64(v + l.VCPU_RAN, 0);
    }
    core.write(p + l.PCPU_RAN, 0);
    core.writeF64(p + l.PCPU_RAN_CYCLES, 0);
  }

  /** Runs the pCPU until the core cannot go on alone. A trap in the core ends the domain that runs, and it alone. */
  #go(p: number, end: number, verdict: Verdict, cycles: number): number {
    const { core } = this;
    try {
      return core.call.runPcpu(p, end, verdict, cycles);
    } catch (error) {
      if (core.read(p + core.layout.PCPU_STATE) !== core.layout.PCPU_RUNS) throw error;
      this.#trap = error;
      return STOP_TRAP;
    }
  }

  /** What was caught last. */
  #trap: unknown;

  /** The verdict on the exit of the guest that runs. */
  #judge(guest: Guest, p: number, reason: number): Verdict {
    if (reason === STOP_LIMIT) return guest.end({ kind: 'limit', limit: 'instructions' });
    try {
      if (reason === STOP_TRAP) throw this.#trap;
      if (!keepsTimers(reason)) guest.deadline = 0;
      const verdict = handleExit(guest, reason);
      if (guest.stolen === 0) this.core.writeF64(guest.vcpu.base + this.core.layout.VCPU_CHUNK_END, 0);
      else this.#steal(guest, p);
      return verdict;
    } catch (error) {
      const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      return guest.end({ kind: 'platform-error', message });
    }
  }

  /** An exit took time that is not the domain's. Its chunk goes on: the domain must not notice. */
  #steal(guest: Guest, p: number): void {
    const { core } = this;
    const l = core.layout;
    const base = core.readF64(p + l.PCPU_BASE) + guest.stolen;
    core.writeF64(p + l.PCPU_BASE, base);
    guest.stolen = 0;
    if (!this.#ownClock) {
      core.call.setIdle(guest.vcpu.base, base);
      core.writeF64(guest.vcpu.base + l.VCPU_CHUNK_END, 0);
    }
  }

  #end(guest: Guest): EndedDomain {
    const { core } = this;
    const l = core.layout;
    guest.drain();
    core.write(guest.vcpu.base + l.VCPU_RUN_STATE, l.RUN_NONE);
    core.write(guest.domain.base + l.DOMAIN_STATE, DOMAIN_ENDED);
    const outcome = guest.outcome ?? { kind: 'platform-error', message: 'the domain ended without an outcome' };
    return { domain: guest.index, outcome, stateHash: stateHash(core, guest.vcpu.base) };
  }
}

/** What a quantum did, in the order of the domains. */
function report(
  pcpu: number,
  ran: readonly Guest[],
  effects: Omit<PcpuReport, 'pcpu' | 'console' | 'wallMs'>,
): PcpuReport {
  const console: { domain: number; bytes: Uint8Array }[] = [];
  const wallMs: { domain: number; ms: number }[] = [];
  for (const guest of [...ran].sort((a, b) => a.index - b.index)) {
    guest.drain();
    for (const bytes of guest.console) console.push({ domain: guest.index, bytes });
    guest.console = [];
    wallMs.push({ domain: guest.index, ms: guest.wallMs });
    guest.wallMs = 0;
    guest.ran = false;
  }
  return { pcpu, console, ...effects, wallMs };
}
