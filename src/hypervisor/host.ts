/**
 * A host run: boot the domains, run quantum after quantum, end what has ended.
 *
 *   boot ─▶ ┌ quantum: every pCPU with something to run, in parallel ┐ ─▶ all ended, or time is up
 *           └ between quanta, serially in pCPU order: console, ends  ┘
 *
 * Everything deterministic in the result depends on the configuration alone.
 */
import { createHash } from 'node:crypto';
import { Core, coreModule, hostMemory } from '../machine/core.js';
import { costWeights } from '../machine/cost-table.js';
import { exitReasonName } from '../machine/exit-reasons.js';
import { HostView, VcpuView } from '../machine/views.js';
import { checkMemory, createDomain, destroyDomain, framesNeeded, reservationOrder, reserve } from './domain.js';
import { deliver } from './event-channel.js';
import { END, Guest } from './guest.js';
import { type AuditEntry, Hooks, type ResolvedRule, resolveRules, verdictCounts } from './hooks.js';
import { hypercall } from './hypercalls.js';
import type { PcpuReport } from './pcpu.js';
import { type Executor, inlineExecutor, poolExecutor } from './pool.js';
import { earliestWake, enqueue, VCPU_NONE } from './run-queue.js';
import { stateHash } from './state-hash.js';
import { NEVER } from './timers.js';
import {
  AbortedError,
  type DomainConfig,
  type DomainResult,
  type DomainWallClock,
  type HostConfig,
  HostError,
  type HostResult,
  type Outcome,
  type Reproducer,
  type RunOptions,
} from './types.js';
import type { PcpuTask } from './worker.js';

const FRAMES_PER_MIB = 256;
const MAX_PCPUS = 64;
const MAX_DOMAINS = 4096;
const PHASE_RANGE = 2 ** 40;
const AUDIT_LIMIT = 4096;
/** Frames beyond what the domains begin with: shared_info, grant table and the EPT tables that map them and grants. */
const XEN_FRAMES = 5;

/** What the host knows of a domain beside the flat memory. */
interface Tracked {
  readonly config: DomainConfig;
  readonly pcpu: number;
  readonly console: Uint8Array[];
  startMs: number;
  runMs: number;
  result: DomainResult | undefined;
}

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
  readonly #config: HostConfig;
  readonly #options: RunOptions;
  readonly #view: HostView;
  readonly #module: WebAssembly.Module;
  readonly #domains: readonly Tracked[];
  readonly #rules: readonly ResolvedRule[];
  readonly #hooks: Hooks;
  readonly #guests = new Map<number, Guest>();
  readonly #audit: AuditEntry[] = [];
  readonly #reproducers: Reproducer[] = [];
  readonly #bootMs: number;
  readonly #workers: number;
  #executor: Executor | undefined;
  #quanta = 0;
  #alive: number;
  #destroyMs = 0;

  /** Lays out the memory and boots all domains. Throws HostError. */
  constructor(config: HostConfig, options: RunOptions) {
    const started = performance.now();
    checkConfig(config);
    this.#config = config;
    this.#options = options;
    this.#alive = config.domains.length;
    this.#workers = options.inline ? 1 : Math.max(1, Math.min(options.workers, config.pcpus));
    this.#module = coreModule();
    this.#rules = resolveRules(
      config.security ?? [],
      config.domains.map(({ name }) => name),
    );
    this.core = new Core(this.#module, this.#memory());
    this.#hooks = new Hooks(this.core, this.#rules);
    this.#view = new HostView(this.core);
    this.#domains = config.domains.map((domain, index) => ({
      config: domain,
      pcpu: domain.pcpu ?? index % config.pcpus,
      console: [],
      startMs: 0,
      runMs: 0,
      result: undefined,
    }));
    this.#boot();
    this.#bootMs = performance.now() - started;
  }

  /** Runs until every domain has ended or the time is up. */
  async run(): Promise<HostResult> {
    const started = performance.now();
    this.#executor =
      this.#workers === 1
        ? inlineExecutor(this.core, this.#rules)
        : poolExecutor(this.#module, this.core.memory, this.#workers, this.#rules);
    const { quantumCycles, limitCycles = Number.POSITIVE_INFINITY } = this.#config;
    for (let end = quantumCycles; this.#alive > 0; end += quantumCycles) {
      const tasks = this.#tasks(end);
      const reports = tasks.length > 0 ? await this.#executor.run(tasks) : [];
      this.#quanta++;
      for (const report of reports) this.#apply(report);
      for (const report of reports) this.#effects(report);
      if (this.#options.signal?.aborted) throw new AbortedError();
      if (tasks.length === 0 && this.#stuck()) this.#endAll({ kind: 'halted', interrupts: true });
      if (end >= limitCycles) this.#endAll({ kind: 'limit', limit: 'host-time' });
      this.#progress(end);
    }
    const runMs = performance.now() - started;
    return this.#result(runMs);
  }

  async close(): Promise<void> {
    await this.#executor?.close();
    this.#executor = undefined;
  }

  #memory(): WebAssembly.Memory {
    const { pcpus, domains, memoryMiB } = this.#config;
    const needed = domains.reduce((sum, domain) => sum + framesNeeded(domain), 0);
    const frames = memoryMiB === undefined ? needed + XEN_FRAMES * domains.length : memoryMiB * FRAMES_PER_MIB;
    if (frames < needed) {
      const least = Math.ceil(needed / FRAMES_PER_MIB);
      throw new HostError('host-memory', `the domains need ${least} MiB of host memory; ${memoryMiB} MiB is given`);
    }
    let memory: WebAssembly.Memory;
    try {
      memory = hostMemory(this.#module, pcpus, domains.length, domains.length, frames, this.#options.memory);
    } catch (error) {
      if (error instanceof RangeError) throw new HostError('host-memory', error.message);
      throw error;
    }
    const core = new Core(this.#module, memory);
    core.call.hostInit(pcpus, domains.length, domains.length, frames);
    return memory;
  }

  #boot(): void {
    const { core } = this;
    const l = core.layout;
    const { seed, costTable, frequencyHz, sliceCycles, clock } = this.#config;
    core.writeF64(l.HOST_FREQUENCY, frequencyHz);
    core.writeF64(l.HOST_SLICE, sliceCycles);
    core.write(l.HOST_CLOCK_MODE, clock === 'pcpu' ? l.HOST_CLOCK_PCPU : l.HOST_CLOCK_DOMAIN);
    core.u32.set(costWeights(costTable, l), l.HOST_WEIGHTS >>> 2);
    for (const [index, { config, pcpu }] of this.#domains.entries()) {
      for (const operation of ['create', 'schedule'] as const) {
        if (this.#hooks.check(operation, index)) continue;
        const message = `the security policy denies '${operation}' of '${config.name}' on pCPU ${pcpu}`;
        throw new HostError('security-denied', message, index);
      }
    }
    const reserved = new Map<number, readonly number[]>();
    for (const index of reservationOrder(this.#config.domains)) {
      reserved.set(index, reserve(core, index, this.#config.domains[index]!));
    }
    for (const [index, domain] of this.#domains.entries()) {
      const started = performance.now();
      const phase = domainPhase(seed, domain.config.name);
      try {
        createDomain(core, index, domain.config, domain.pcpu, phase, reserved.get(index) ?? []);
      } catch (error) {
        if (error instanceof HostError && error.domain < 0) throw new HostError(error.code, error.message, index);
        throw error;
      }
      enqueue(core, this.#view.pcpuAddress(domain.pcpu), index);
      domain.startMs = performance.now() - started;
    }
  }

  /** The pCPUs with something to do before `end`; the others' time just passes. */
  #tasks(end: number): readonly PcpuTask[] {
    const { core } = this;
    const l = core.layout;
    const tasks: PcpuTask[] = [];
    for (let pcpu = 0; pcpu < this.#config.pcpus; pcpu++) {
      const p = this.#view.pcpuAddress(pcpu);
      if (core.readU64(p + l.PCPU_TIME) >= end) continue;
      const runnable = core.read(p + l.PCPU_CURRENT) !== VCPU_NONE || core.read(p + l.PCPU_QUEUE_LENGTH) > 0;
      if (runnable || earliestWake(core, this.#view, p) < end) tasks.push({ pcpu, end });
      else core.writeU64(p + l.PCPU_TIME, end);
    }
    return tasks;
  }

  /** Applies what left a quantum; called in pCPU order. */
  #apply(report: PcpuReport): void {
    for (const { domain, bytes } of report.console) this.#domains[domain]!.console.push(bytes);
    for (const { domain, ms } of report.wallMs) this.#domains[domain]!.runMs += ms;
    for (const { domain, outcome, stateHash } of report.ended) this.#end(domain, outcome, stateHash);
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
    const guest = this.#guest(index);
    core.writeF64(guest.vcpu.base + l.VCPU_CHUNK_END, 0);
    let verdict: number;
    try {
      verdict = hypercall(guest);
    } catch (error) {
      const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      verdict = guest.end({ kind: 'platform-error', message });
    }
    this.#note(this.#hooks.takeAudit());
    if (verdict === END) this.#end(index, guest.outcome!, stateHash(core, guest.vcpu.base));
    else {
      core.write(guest.vcpu.base + l.VCPU_RUN_STATE, l.RUN_RUNNABLE);
      enqueue(core, core.read(guest.vcpu.base + l.VCPU_PCPU), index);
    }
  }

  #guest(index: number): Guest {
    let guest = this.#guests.get(index);
    if (guest === undefined) {
      guest = new Guest(this.core, this.#view.vcpuAddress(index), this.#hooks);
      guest.serial = true;
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
      if (core.read(p + l.PCPU_CURRENT) !== VCPU_NONE || core.read(p + l.PCPU_QUEUE_LENGTH) > 0) return false;
      if (earliestWake(core, this.#view, p) < NEVER) return false;
    }
    return true;
  }

  #end(index: number, outcome: Outcome, hash: string): void {
    const started = performance.now();
    const tracked = this.#domains[index]!;
    const vcpu = new VcpuView(this.core, this.#view.vcpuAddress(index));
    tracked.result = this.#domainResult(index, tracked, vcpu, outcome, hash);
    if (outcome.kind === 'platform-error') {
      this.#reproducers.push({
        domain: tracked.config.name,
        message: outcome.message,
        seed: this.#config.seed,
        quantum: this.#quanta,
        retired: tracked.result.retired,
        eip: tracked.result.eip,
      });
    }
    destroyDomain(this.core, index);
    this.#alive--;
    this.#destroyMs += performance.now() - started;
  }

  /** Ends all domains that still run, in order. */
  #endAll(outcome: Outcome): void {
    const l = this.core.layout;
    for (const [index, domain] of this.#domains.entries()) {
      if (domain.result !== undefined) continue;
      this.#end(index, outcome, stateHash(this.core, this.#view.vcpuAddress(index)));
    }
    for (let pcpu = 0; pcpu < this.#config.pcpus; pcpu++) {
      const p = this.#view.pcpuAddress(pcpu);
      this.core.write(p + l.PCPU_QUEUE_LENGTH, 0);
      this.core.write(p + l.PCPU_BLOCKED_LENGTH, 0);
      this.core.write(p + l.PCPU_CURRENT, VCPU_NONE);
    }
  }

  #domainResult(index: number, tracked: Tracked, vcpu: VcpuView, outcome: Outcome, hash: string): DomainResult {
    const { core } = this;
    const l = core.layout;
    const exits: Record<string, number> = {};
    let exitsTotal = 0;
    for (let counter = l.COUNTER_EXIT; counter < l.COUNTERS; counter++) {
      const n = vcpu.counter(counter);
      if (n > 0) exits[exitReasonName(counter - l.COUNTER_EXIT)] = n;
      exitsTotal += n;
    }
    const console = Buffer.concat(tracked.console);
    const domain = this.#view.domainAddress(index);
    const cycles = core.call.modelledCycles(vcpu.base);
    return {
      name: tracked.config.name,
      imageName: tracked.config.imageName,
      imageSha256: sha256(tracked.config.image),
      pcpu: core.read(domain + l.DOMAIN_PCPU),
      outcome,
      eip: vcpu.eip,
      retired: vcpu.retired,
      cycles,
      clock: cycles + core.readF64(vcpu.base + l.VCPU_IDLE),
      exits,
      exitsTotal,
      tlbMisses: vcpu.counter(l.COUNTER_TLB_MISS),
      tlbFlushes: vcpu.counter(l.COUNTER_TLB_FLUSH),
      walkGuest: vcpu.counter(l.COUNTER_WALK_GUEST),
      walkEpt: vcpu.counter(l.COUNTER_WALK_EPT),
      exceptions: vcpu.counter(l.COUNTER_EXCEPTION),
      interrupts: vcpu.counter(l.COUNTER_INTERRUPT),
      pageFaults: vcpu.counter(l.COUNTER_PAGE_FAULT),
      pages: core.read(domain + l.DOMAIN_PAGES),
      tablePages: core.read(domain + l.DOMAIN_TABLE_PAGES),
      hooks: verdictCounts(core, domain),
      stateHash: hash,
      consoleSha256: sha256(console),
      console: new Uint8Array(console),
      consoleDropped: core.readF64(domain + l.DOMAIN_CONSOLE_DROPPED),
    };
  }

  #progress(end: number): void {
    const { onProgress } = this.#options;
    if (onProgress === undefined) return;
    let retired = 0;
    for (const [index, { result }] of this.#domains.entries()) {
      retired += result?.retired ?? new VcpuView(this.core, this.#view.vcpuAddress(index)).retired;
    }
    onProgress({
      quantum: this.#quanta,
      cycles: end,
      retired,
      domainsEnded: this.#domains.length - this.#alive,
      domainsTotal: this.#domains.length,
    });
  }

  #result(runMs: number): HostResult {
    const { core } = this;
    const l = core.layout;
    const pcpus = Array.from({ length: this.#config.pcpus }, (_, i) => this.#view.pcpuAddress(i));
    const queued = pcpus.some((p) => core.read(p + l.PCPU_QUEUE_LENGTH) + core.read(p + l.PCPU_BLOCKED_LENGTH) > 0);
    const domains = this.#domains.map(({ result }) => result!);
    const retired = domains.reduce((sum, domain) => sum + domain.retired, 0);
    return {
      deterministic: {
        domains,
        seed: this.#config.seed,
        quanta: this.#quanta,
        pcpuCycles: pcpus.map((p) => core.readU64(p + l.PCPU_TIME)),
        pcpuBusyCycles: pcpus.map((p) => core.readF64(p + l.PCPU_BUSY)),
        zeroSum: this.#view.freeFrames === this.#view.frames && !queued,
        audit: this.#audit,
      },
      wallClock: {
        workers: this.#workers,
        bootMs: this.#bootMs,
        runMs,
        destroyMs: this.#destroyMs,
        mips: mips(retired, runMs),
        memoryMiB: core.memory.buffer.byteLength / 2 ** 20,
        domains: this.#domains.map(wallClock),
        reproducers: this.#reproducers,
      },
    };
  }
}

function wallClock({ config, startMs, runMs, result }: Tracked): DomainWallClock {
  return { name: config.name, startMs, runMs, mips: mips(result?.retired ?? 0, runMs) };
}

function mips(retired: number, ms: number): number {
  return ms > 0 ? retired / (ms * 1000) : 0;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The TSC at a domain's start: what real hardware leaves to chance comes from the seed and the domain's name. */
export function domainPhase(seed: number, name: string): number {
  const digest = createHash('sha256').update(`${seed}\0${name}`).digest();
  return digest.readUIntBE(0, 6) % PHASE_RANGE;
}

function checkConfig(config: HostConfig): void {
  const whole = (name: string, value: number, least: number, most: number): void => {
    if (Number.isInteger(value) && value >= least && value <= most) return;
    throw new HostError('host-config', `${name} must be an integer from ${least} to ${most}, not ${value}`);
  };
  whole('pcpus', config.pcpus, 1, MAX_PCPUS);
  whole('domains', config.domains.length, 1, MAX_DOMAINS);
  whole('frequencyHz', config.frequencyHz, 1_000_000, 4_000_000_000);
  whole('quantumCycles', config.quantumCycles, 1000, 1e12);
  whole('sliceCycles', config.sliceCycles, 1000, 1e12);
  whole('seed', config.seed, 0, 2 ** 32 - 1);
  if (config.memoryMiB !== undefined) whole('memoryMiB', config.memoryMiB, 1, 4096);
  if (config.limitCycles !== undefined) whole('limitCycles', config.limitCycles, 1, 2 ** 52);
  const names = new Set<string>();
  for (const [index, domain] of config.domains.entries()) {
    if (names.has(domain.name)) throw new HostError('domain-name', `two domains are called '${domain.name}'`, index);
    names.add(domain.name);
    checkMemory(domain, index);
    const { pcpu = 0, maxInstructions = 1 } = domain;
    if (!Number.isInteger(pcpu) || pcpu < 0 || pcpu >= config.pcpus) {
      throw new HostError('domain-pcpu', `'${domain.name}' is on pCPU ${pcpu}; there are ${config.pcpus}`, index);
    }
    if (!Number.isInteger(maxInstructions) || maxInstructions < 1 || maxInstructions > 2 ** 52) {
      throw new HostError('domain-limit', `the instruction limit of '${domain.name}' must be from 1 to 2^52`, index);
    }
  }
}
