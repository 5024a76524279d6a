/**
 * The cost model: virtual time = Σ counter × modelled cycles. The numbers are data, each with its source; a scenario may
 * bring its own. They are a model of a machine, not measurements of this program.
 */
import type { CostLine, CostTable } from '../hypervisor/types.js';
import { EXIT_REASON_NAMES } from './exit-reasons.js';
import type { Layout } from './layout.js';

/** Events of the core's counters and the names of their indices in layout.ts. */
const COUNTER_OF: ReadonlyMap<string, keyof Layout> = new Map([
  ['retired', 'COUNTER_RETIRED'],
  ['tlb-miss', 'COUNTER_TLB_MISS'],
  ['walk-guest', 'COUNTER_WALK_GUEST'],
  ['walk-ept', 'COUNTER_WALK_EPT'],
  ['exception', 'COUNTER_EXCEPTION'],
  ['interrupt', 'COUNTER_INTERRUPT'],
  ['page-fault', 'COUNTER_PAGE_FAULT'],
  ['tlb-flush', 'COUNTER_TLB_FLUSH'],
  ['double-fault', 'COUNTER_DOUBLE_FAULT'],
  ['stlb-hit', 'COUNTER_STLB_HIT'],
  ['dma', 'COUNTER_DMA'],
  ['smm-fill', 'COUNTER_SMM_FILL'],
  ['smm-crypt', 'COUNTER_SMM_CRYPT'],
  ['smm-mac', 'COUNTER_SMM_MAC'],
  ['smm-tree', 'COUNTER_SMM_TREE'],
]);

/** What no vCPU counts, because its pCPU pays: src/hypervisor/context-switch.ts. */
const CONTEXT_SWITCH = 'context-switch';
const EXIT_NUMBERS: ReadonlyMap<string, number> = new Map([...EXIT_REASON_NAMES].map(([n, name]) => [name, n]));
const MAX_CYCLES = 1_000_000;
/** Every step of a guest is one of these: if one were free, a guest could run for ever at one instant of virtual time. */
const NEVER_FREE: readonly string[] = ['retired', 'exception', 'interrupt', 'exit'];

export const DEFAULT_COST_TABLE: CostTable = {
  name: 'default',
  lines: [
    { event: 'retired', cycles: 1, source: 'model: a scalar core that retires one instruction per cycle' },
    {
      event: 'tlb-miss',
      cycles: 9,
      source: 'estimate: the look-up that finds nothing and the start of a walk; its references are counted apart',
    },
    {
      event: 'stlb-hit',
      cycles: 7,
      source:
        'Intel 64 and IA-32 Architectures Optimization Reference Manual, Sandy Bridge: DTLB miss that hits the STLB',
    },
    {
      event: 'walk-guest',
      cycles: 12,
      source: 'Intel 64 and IA-32 Architectures Optimization Reference Manual, cache parameters of Skylake: L2 latency',
    },
    {
      event: 'walk-ept',
      cycles: 12,
      source: 'as walk-guest: EPT entries are cached like any other data',
    },
    { event: 'exception', cycles: 100, source: 'estimate: gate, descriptor and stack loads plus a pipeline flush' },
    { event: 'interrupt', cycles: 100, source: 'as exception; delivery uses the same gates' },
    { event: 'page-fault', cycles: 0, source: 'already counted as an exception' },
    { event: 'tlb-flush', cycles: 100, source: 'estimate: MOV to CR3 serialises; refills are counted as misses' },
    { event: 'double-fault', cycles: 0, source: 'already counted as an exception' },
    {
      event: 'dma',
      cycles: 8,
      source:
        'estimate: a 64-byte line at 8 bytes per cycle, as a device model copies between memory and its own buffers',
    },
    { event: 'smm-fill', cycles: 100, source: 'estimate: look-up in the permission and key tables, choice of a slot' },
    {
      event: 'smm-crypt',
      cycles: 2600,
      source:
        'estimate: a page with AES-128 at 0.63 cycles per byte, as AES-NI reaches in CTR mode on cores since Haswell (Gueron, Intel white paper 323641, gives 1.3 for Westmere); AES-256 costs 14/10 of it',
    },
    {
      event: 'smm-mac',
      cycles: 5000,
      source:
        'estimate: a page at 1.2 cycles per byte, of the order of SipHash-2-4 on 64-bit cores (Aumasson and Bernstein 2012)',
    },
    {
      event: 'smm-tree',
      cycles: 200,
      source:
        'estimate: a 64-byte node, SipHash-2-4 (Aumasson and Bernstein 2012: about 140 cycles) and its line from memory cache',
    },
    { event: 'exit', cycles: 1200, source: 'estimate: VMX round trip of current cores, of the order of 1000 cycles' },
    { event: 'exit:io', cycles: 2000, source: 'estimate: the round trip plus a device model' },
    { event: 'exit:ept-violation', cycles: 2400, source: 'estimate: the round trip plus the look-up of the page' },
    {
      event: 'context-switch',
      cycles: 2000,
      source:
        'estimate: VMPTRLD, general, debug and FXSAVE state of two vCPUs and the scheduler; with VPIDs no TLB is lost',
    },
  ],
};

/** Everything that is wrong with a cost table, one sentence each; empty if it is valid. */
export function costTableProblems(table: CostTable): readonly string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const line of table.lines) {
    if (!isEvent(line.event)) problems.push(`unknown event '${line.event}'; known are ${eventNames().join(', ')}`);
    if (seen.has(line.event)) problems.push(`event '${line.event}' has two lines`);
    seen.add(line.event);
    const least = NEVER_FREE.includes(line.event) || line.event.startsWith('exit:') ? 1 : 0;
    if (!Number.isInteger(line.cycles) || line.cycles < least || line.cycles > MAX_CYCLES) {
      problems.push(`cycles of '${line.event}' must be an integer from ${least} to ${MAX_CYCLES}, not ${line.cycles}`);
    }
    if (line.source.trim() === '') problems.push(`event '${line.event}' has no source`);
  }
  for (const event of NEVER_FREE) if (!seen.has(event)) problems.push(`there is no line for '${event}'`);
  return problems;
}

/** Names that a cost table may use. `exit` is the cost of every exit that has no line of its own. */
export function eventNames(): readonly string[] {
  return [...COUNTER_OF.keys(), CONTEXT_SWITCH, 'exit', ...[...EXIT_NUMBERS.keys()].map((name) => `exit:${name}`)];
}

/** Rounds of AES-128 and AES-256 (FIPS 197, Figure 4). */
const ROUNDS = { 128: 10, 256: 14 } as const;

/**
 * Modelled cycles per counter, parallel to the vCPU's counters. `keyBits`: of the pages' cipher. Throws on an invalid table.
 */
export function costWeights(table: CostTable, layout: Layout, keyBits: 128 | 256 = 128): Uint32Array {
  const problems = costTableProblems(table);
  if (problems.length > 0) throw new Error(`cost table '${table.name}': ${problems.join('; ')}`);
  const weights = new Uint32Array(layout.COUNTERS);
  const byEvent = new Map<string, CostLine>(table.lines.map((line) => [line.event, line]));
  weights[layout.COUNTER_EXIT_CYCLES] = 1;
  weights.fill(byEvent.get('exit')?.cycles ?? 0, layout.COUNTER_EXIT);
  for (const [event, line] of byEvent) {
    const counter = COUNTER_OF.get(event);
    const reason = EXIT_NUMBERS.get(event.slice('exit:'.length));
    if (counter !== undefined) weights[layout[counter]] = line.cycles;
    else if (event.startsWith('exit:') && reason !== undefined) weights[layout.COUNTER_EXIT + reason] = line.cycles;
  }
  const crypt = weights[layout.COUNTER_SMM_CRYPT]!;
  weights[layout.COUNTER_SMM_CRYPT] = Math.round((crypt * ROUNDS[keyBits]) / ROUNDS[128]);
  return weights;
}

/** Modelled cycles of a context switch, which its pCPU's time shows and no domain's clock. 0 where the table has no line. */
export function contextSwitchCycles(table: CostTable): number {
  return table.lines.find(({ event }) => event === CONTEXT_SWITCH)?.cycles ?? 0;
}

function isEvent(event: string): boolean {
  return (
    event === 'exit' ||
    event === CONTEXT_SWITCH ||
    COUNTER_OF.has(event) ||
    (event.startsWith('exit:') && EXIT_NUMBERS.has(event.slice(5)))
  );
}
