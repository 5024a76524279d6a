/**
 * A host run: boot the domains, run quantum after quantum, end what has ended.
 *
 *   boot ─▶ ┌ quantum: every pCPU with something to run, in parallel ┐ ─▶ all ended, or time is up
 *           └ between quanta, serially in pCPU order: console, ends  ┘
 *
 * Everything deterministic in the result depends on the configuration alone.
 */
import { type Core, coreModule } from '../machine/core.js';
import { HostView, VcpuView } from '../machine/views.js';
import { permitAnswers } from './answers.js';
import { applySettings, BootWatch, checkBoot, limitInstructions } from './boot.js';
import { checkConfig } from './check-config.js';
import { VCPU_NONE } from './context-switch.js';
import { deliver } from './event-channel.js';
import { EXIT_EPT_VIOLATION, handleExit } from './exits.js';
import { settleGangs } from './foreign.js';
import { fillPool, tendPools } from './fork.js';
import { END, Guest, RESUME } from './guest.js';
import { type AuditEntry, Hooks, type ResolvedRule, resolveRules } from './hooks.js';
import { createHost } from './host-memory.js';
import { startDomains, writePolicy } from './host-start.js';
import { Nursery } from './nursery.js';
import { Operator } from './operator.js';
import { hasCommonPages, pageSharingCounts, passIsDue, type SharingPass, sharePages } from './page-sharing.js';
import type { PcpuReport } from './pcpu.js';
import { type Executor, inlineExecutor, poolExecutor } from './pool.js';
import { mips, Registry, retiredHere, type Tracked, wallClock } from './registry.js';
import { earliestWake, isInUse, isQueued, unpark } from './run-queue.js';
import { captureMemory, type HostImage, type HostState, restoreMemory } from './save.js';
import { smmBackend, smmSlots } from './smm.js';
import { NEVER } from './timers.js';
import {
  AbortedError,
  type HostConfig,
  type HostResult,
  type Outcome,
  type Reproducer,
  type RunOptions,
} from './types.js';
import type { PcpuTask } from './worker.js';

const AUDIT_LIMIT = 4096;

/**
 * Runs a host to its end. Rejects with HostError if the configuration cannot be run and with AbortedError if
 * `options.signal` fires; whatever guests do is in the result.
 */
export async function runHost(config: HostConfig, options: RunOptions): Promise<HostResult> {
  if (options.signal?.aborted) throw new AbortedError();
  const host = new Host(config, options);
  try {
    return await host.run();
  } finally {
    await host.close();
  }
}

export class Host {
  readonly core: Core;
  readonly registry: Registry;
  #config: HostConfig;
  readonly #options: RunOptions;
  readonly #view: HostView;
  readonly #module: WebAssembly.Module;
  #rules: readonly ResolvedRule[];
  #hooks: Hooks;
  readonly #guests = new Map<number, Guest>();
  readonly #audit: AuditEntry[] = [];
  readonly #reproducers: Reproducer[] = [];
  readonly #bootMs: number;
  readonly #workers: number;
  #executor: Executor | undefined;
  readonly #nursery: Nursery;
  readonly #operator: Operator;
  #quanta = 0;
  /** Virtual time at which the last quantum ended. */
  #time = 0;
  /** While boot may still end. */
  #watch: BootWatch | undefined;
  #booted = false;

  /** Lays out the memory and boots all domains. Throws HostError. */
  constructor(config: HostConfig, options: RunOptions) {
    const started = performance.now();
    checkConfig(config);
    if (options.boot !== undefined) {
      checkConfig(options.boot.later);
      checkBoot(config, options.boot);
    }
    this.#config = config;
    this.#options = options;
    this.#workers = options.inline ? 1 : Math.max(1, Math.min(options.workers, config.pcpus));
    this.#module = coreModule();
    this.#rules = rulesOf(config);
    this.core = createHost(this.#module, config, options.memory);
    this.#hooks = new Hooks(this.core, this.#rules);
    this.#view = new HostView(this.core);
    this.registry = new Registry(this.core, config);
    this.registry.settle = (slot) => this.#call(slot);
    this.registry.onEnd = (tracked, outcome) => this.#reproduce(tracked, outcome);
    this.#nursery = new Nursery(this.core, config, this.registry);
    this.#operator = new Operator(this.core, this.registry, () => this.#sharePages());
    if (options.restore === undefined) {
      writePolicy(this.core, config);
      startDomains(this.core, config, this.registry, this.#hooks);
      this.#nursery.arm();
    } else this.#restore(options.restore);
    permitAnswers(this.core, this.#rules);
    const { boot } = options;
    if (boot !== undefined && !this.#booted) {
      this.#watch = new BootWatch(this.core, this.registry, config, boot.until);
    }
    this.#bootMs = performance.now() - started;
  }

  /** Runs until every domain has ended or the time is up. */
  async run(): Promise<HostResult> {
    const started = performance.now();
    this.#executor = this.#newExecutor();
    const { quantumCycles } = this.#config;
    const { save } = this.#options;
    let saved = save === undefined;
    if (this.#watch !== undefined) await this.#endBoot(); // it was saved when boot ended
    for (let end = this.#time + quantumCycles; this.registry.alive > 0; end += quantumCycles) {
      settleGangs(this.core);
      const tasks = this.#tasks(end);
      const reports = tasks.length > 0 ? await this.#executor.run(tasks) : [];
      this.#quanta++;
      for (const report of reports) this.#apply(report);
      for (const report of reports) this.#effects(report);
      this.#nursery.look(end);
      this.#options.operator?.(this.#operator, end);
      if (passIsDue(this.#config, this.#time, end)) this.#sharePages();
      if (this.core.read(this.core.layout.HOST_MERGE_ORPHANS) > 0) this.core.call.mergeReap();
      tendPools(this.core, this.registry.forks + this.core.read(this.core.layout.HOST_MERGE_PAGES));
      this.#time = end;
      if (this.#options.signal?.aborted) throw new AbortedError();
      if (tasks.length === 0 && this.#stuck()) this.#endStuck();
      this.#endLate();
      if (this.#watch !== undefined) await this.#endBoot();
      if (!saved && end >= save!.at && this.registry.alive > 0) {
        saved = true;
        save!.to(this.capture());
      }
      this.#progress(end);
    }
    tendPools(this.core, 0);
    const runMs = performance.now() - started;
    return this.#result(runMs);
  }

  #newExecutor(): Executor {
    if (this.#workers === 1) return inlineExecutor(this.core, this.#rules);
    return poolExecutor(this.#module, this.core.memory, this.#workers, this.#rules);
  }

  /** Goes on with the later settings if boot has just ended. */
  async #endBoot(): Promise<void> {
    if (this.registry.alive === 0 || !this.#watch!.ended(this.#time)) return;
    const { later, save } = this.#options.boot!;
    save?.(this.capture());
    this.#watch = undefined;
    this.#booted = true;
    applySettings(this.core, this.registry, this.#config, later);
    this.#config = later;
    this.#nursery.configure(later);
    this.#rules = rulesOf(later);
    this.#hooks = new Hooks(this.core, this.#rules);
    permitAnswers(this.core, this.#rules);
    this.#guests.clear(); // they ask the old hooks
    // Those who run pCPUs keep rules and the slice.
    await this.#executor?.close();
    this.#executor = this.#newExecutor();
    this.#endLate();
  }

  #sharePages(): SharingPass {
    const pass = sharePages(this.core, this.#hooks);
    this.#note(this.#hooks.takeAudit());
    return pass;
  }

  /** The host as it is between two quanta. */
  capture(): HostImage {
    const state: HostState = {
      time: this.#time,
      quanta: this.#quanta,
      booted: this.#booted,
      audit: [...this.#audit],
      reproducers: [...this.#reproducers],
      registry: this.registry.state,
      expected: this.#nursery.state,
    };
    return { config: this.#config, state, memory: captureMemory(this.core) };
  }

  #restore({ state, memory }: HostImage): void {
    restoreMemory(this.core, memory);
    this.#time = state.time;
    this.#quanta = state.quanta;
    this.#booted = state.booted === true;
    this.#audit.push(...state.audit);
    this.#reproducers.push(...state.reproducers);
    this.registry.restore(state.registry);
    this.#nursery.restore(state.expected);
    for (const [slot, { maxInstructions = 0 }] of this.#config.domains.entries()) {
      if (this.registry.exists(slot)) limitInstructions(this.core, slot, maxInstructions);
    }
  }

  async close(): Promise<void> {
    await this.#executor?.close();
    this.#executor = undefined;
  }

  /** The pCPUs with something to do before `end`; the others' time just passes. */
  #tasks(end: number): readonly PcpuTask[] {
    const { core } = this;
    const l = core.layout;
    const tasks: PcpuTask[] = [];
    for (let pcpu = 0; pcpu < this.#config.pcpus; pcpu++) {
      const p = this.#view.pcpuAddress(pcpu);
      if (core.readU64(p + l.PCPU_TIME) >= end) continue;
      const runnable = core.read(p + l.PCPU_CURRENT) !== VCPU_NONE || isQueued(core, p);
      if (runnable || earliestWake(core, p) < end) tasks.push({ pcpu, end });
      else core.writeU64(p + l.PCPU_TIME, end);
    }
    return tasks;
  }

  /** Applies what left a quantum; called in pCPU order. */
  #apply(report: PcpuReport): void {
    for (const { domain, bytes } of report.console) this.registry.at(domain).console.push(bytes);
    for (const { domain, ms } of report.wallMs) this.registry.at(domain).runMs += ms;
    for (const { domain, outcome, stateHash } of report.ended) this.registry.end(domain, outcome, stateHash);
  }

  /** Applies what a quantum does to other pCPUs: events, then hypercalls that had to wait; called in pCPU order. */
  #effects(report: PcpuReport): void {
    for (const { from, fromPort, to, port } of report.sends) deliver(this.core, from, fromPort, to, port);
    this.#note(report.audit);
    for (const index of report.calls) this.#call(index);
  }

  #note(audit: readonly AuditEntry[]): void {
    this.#audit.push(...audit.slice(0, AUDIT_LIMIT - this.#audit.length));
  }

  /** Carries out the hypercall of a deferred domain, and lets it run again. */
  #call(index: number): void {
    const { core } = this;
    const l = core.layout;
    // Another call of this quantum may have ended it.
    if (core.read(this.#view.vcpuAddress(index) + l.VCPU_RUN_STATE) !== l.RUN_DEFERRED) return;
    const guest = this.#guest(index);
    const reason = core.read(guest.vcpu.base + l.VCPU_EXIT_REASON);
    // A page that is copied late must not be noticed: the chunk goes on.
    if (reason !== EXIT_EPT_VIOLATION) core.writeF64(guest.vcpu.base + l.VCPU_CHUNK_END, 0);
    if (this.registry.forks > 0 || hasCommonPages(core)) fillPool(core, core.read(guest.vcpu.base + l.VCPU_PCPU));
    let verdict: number;
    try {
      verdict = this.#nursery.awaited(index) ? RESUME : handleExit(guest, reason);
    } catch (error) {
      const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      verdict = guest.end({ kind: 'platform-error', message });
    }
    this.#note(this.#hooks.takeAudit());
    // The guest may have ended itself by a control operation.
    if (!this.registry.lives(index)) return;
    if (verdict === END) this.registry.end(index, guest.outcome!);
    else {
      core.write(guest.vcpu.base + l.VCPU_RUN_STATE, l.RUN_RUNNABLE);
      unpark(core, index);
    }
  }

  #guest(index: number): Guest {
    let guest = this.#guests.get(index);
    if (guest === undefined) {
      guest = new Guest(this.core, this.#view.vcpuAddress(index), this.#hooks);
      guest.serial = true;
      guest.registry = this.registry;
      this.#guests.set(index, guest);
    }
    return guest;
  }

  /** Whether every domain that is left waits for an event that nobody can send any more. */
  #stuck(): boolean {
    const { core } = this;
    const l = core.layout;
    for (let pcpu = 0; pcpu < this.#config.pcpus; pcpu++) {
      const p = this.#view.pcpuAddress(pcpu);
      if (core.read(p + l.PCPU_CURRENT) !== VCPU_NONE || isQueued(core, p)) return false;
      if (earliestWake(core, p) < NEVER) return false;
    }
    return true;
  }

  /** Notes what is needed to see a failure of the platform again. */
  #reproduce({ name, slot }: Tracked, outcome: Outcome): void {
    if (outcome.kind !== 'platform-error') return;
    const { retired, eip } = new VcpuView(this.core, this.#view.vcpuAddress(slot));
    const { message } = outcome;
    this.#reproducers.push({ domain: name, message, seed: this.#config.seed, quantum: this.#quanta, retired, eip });
  }

  /** Ends those that wait for ever. A domain that is paused because it has forks goes on when they have ended. */
  #endStuck(): void {
    const { births } = this.registry;
    const forks = this.core.layout.DOMAIN_FORKS;
    for (const { slot, result } of [...births]) {
      if (result !== undefined || !this.registry.exists(slot)) continue;
      if (this.core.read(this.#view.domainAddress(slot) + forks) > 0) continue;
      this.registry.end(slot, { kind: 'halted', interrupts: true });
    }
  }

  /** Ends all domains if the host's time is up. */
  #endLate(): void {
    if (this.#time >= (this.#config.limitCycles ?? Number.POSITIVE_INFINITY)) {
      this.#endAll({ kind: 'limit', limit: 'host-time' });
    }
  }

  /** Ends all domains that still run, in order. */
  #endAll(outcome: Outcome): void {
    for (const { slot, result } of [...this.registry.births]) {
      if (result === undefined) this.registry.end(slot, this.#nursery.expects(slot) ? { kind: 'not-forked' } : outcome);
    }
  }

  #progress(end: number): void {
    const { onProgress } = this.#options;
    if (onProgress === undefined) return;
    let retired = 0;
    const { births, alive } = this.registry;
    for (const { slot, result } of births) {
      retired += result?.retired ?? new VcpuView(this.core, this.#view.vcpuAddress(slot)).retired;
    }
    onProgress({
      quantum: this.#quanta,
      cycles: end,
      retired,
      domainsEnded: births.length - alive,
      domainsTotal: births.length,
    });
  }

  #result(runMs: number): HostResult {
    const { core } = this;
    const l = core.layout;
    const pcpus = Array.from({ length: this.#config.pcpus }, (_, i) => this.#view.pcpuAddress(i));
    const queued = pcpus.some((p) => isInUse(core, p));
    const domains = this.registry.births.map(({ result }) => result!);
    const retired = this.registry.births.reduce((sum, tracked) => sum + retiredHere(tracked), 0);
    return {
      deterministic: {
        domains,
        seed: this.#config.seed,
        quanta: this.#quanta,
        pcpuCycles: pcpus.map((p) => core.readU64(p + l.PCPU_TIME)),
        pcpuBusyCycles: pcpus.map((p) => core.readF64(p + l.PCPU_BUSY)),
        pcpuContextSwitches: pcpus.map((p) => core.readF64(p + l.PCPU_SWITCHES)),
        pcpuSwitchCycles: pcpus.map((p) => core.readF64(p + l.PCPU_SWITCH_CYCLES)),
        zeroSum: this.#view.freeFrames === this.#view.frames && !queued,
        pageSharing: pageSharingCounts(core),
        audit: this.#audit,
      },
      wallClock: {
        workers: this.#workers,
        bootMs: this.#bootMs,
        runMs,
        destroyMs: this.registry.destroyMs,
        mips: mips(retired, runMs),
        memoryMiB: core.memory.buffer.byteLength / 2 ** 20,
        ...(smmSlots(this.#config) > 0 && { smmBackend: smmBackend(this.#config) }),
        domains: this.registry.births.map(wallClock),
        reproducers: this.#reproducers,
      },
    };
  }
}

function rulesOf({ security = [], domains }: HostConfig): readonly ResolvedRule[] {
  return resolveRules(
    security,
    domains.map(({ name }) => name),
  );
}
