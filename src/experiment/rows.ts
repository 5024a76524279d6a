/** Results as flat rows, with the columns that cell.ts names. */
import type { DomainResult, HostResult, Outcome } from '../hypervisor/types.js';
import { DOMAIN_COLUMNS, exitColumn, type ParameterValue, type Row } from './cell.js';
import { describeOutcome } from './expect.js';
import { readChecksums } from './guests.js';
import type { DomainSpec, Scenario } from './scenario.js';

/** One word: the reason of a shutdown, else the kind. */
export function outcomeWord(outcome: Outcome): string {
  return outcome.kind === 'shutdown' && outcome.reason !== 'other' ? outcome.reason : outcome.kind;
}

function translationWord(translation: DomainSpec['translation']): string {
  return translation.kind === 'direct' ? 'direct' : `ept-${translation.pageSize}`;
}

const EXIT_COLUMNS = DOMAIN_COLUMNS.filter(({ name }) => name.startsWith('exits_')).map(({ name }) => name);

function domainRow(spec: DomainSpec, result: DomainResult): Row {
  const row: Record<string, ParameterValue> = {
    name: spec.name,
    guest: spec.guest,
    image_sha256: result.imageSha256,
    memory: spec.memoryBytes,
    pcpu: result.pcpu,
    translation: translationWord(spec.translation),
    outcome: outcomeWord(result.outcome),
    outcome_detail: describeOutcome(result.outcome),
    eip: result.eip,
    retired: result.retired,
    cycles: result.cycles,
    clock: result.clock,
    exits: result.exitsTotal,
    tlb_misses: result.tlbMisses,
    tlb_flushes: result.tlbFlushes,
    walk_guest: result.walkGuest,
    walk_ept: result.walkEpt,
    exceptions: result.exceptions,
    interrupts: result.interrupts,
    page_faults: result.pageFaults,
    pages: result.pages,
    table_pages: result.tablePages,
    checksums: readChecksums(result.console)
      .map(([name, checksum]) => `${name}=${checksum}`)
      .join(' '),
    state_sha256: result.stateHash,
    console_sha256: result.consoleSha256,
    console_bytes: result.console.length + result.consoleDropped,
  };
  for (const column of EXIT_COLUMNS) row[column] = 0;
  for (const [reason, count] of Object.entries(result.exits)) row[exitColumn(reason)] = count;
  return row;
}

/** DOMAIN_COLUMNS for every domain. An exit reason without a name adds a column of its own. */
export function domainRows(scenario: Scenario, results: readonly DomainResult[]): Row[] {
  return results.map((result, index) => domainRow(scenario.domains[index]!, result));
}

interface Counts {
  readonly retired: number;
  readonly cycles: number;
  readonly exitsTotal: number;
  readonly tlbMisses: number;
  readonly walkGuest: number;
  readonly walkEpt: number;
}

/** HOST_COLUMNS. */
export function hostRow(
  scenario: Scenario,
  host: Pick<HostResult['deterministic'], 'quanta' | 'pcpuCycles' | 'pcpuBusyCycles'>,
  domains: readonly Counts[],
): Row {
  const sum = (value: (domain: Counts) => number): number => domains.reduce((total, each) => total + value(each), 0);
  return {
    pcpus: scenario.host.pcpus,
    domains: domains.length,
    quanta: host.quanta,
    virtual_ns: Math.round((Math.max(0, ...host.pcpuCycles) / scenario.host.frequencyHz) * 1e9),
    busy_cycles: host.pcpuBusyCycles.reduce((total, each) => total + each, 0),
    retired: sum(({ retired }) => retired),
    cycles: sum(({ cycles }) => cycles),
    exits: sum(({ exitsTotal }) => exitsTotal),
    tlb_misses: sum(({ tlbMisses }) => tlbMisses),
    walk_references: sum(({ walkGuest, walkEpt }) => walkGuest + walkEpt),
  };
}
