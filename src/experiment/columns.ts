/**
 * The columns of results. A new figure is one row here: every reader (claims, tables, SQL, exports, charts, the JSON Schema)
 * takes the columns from these lists.
 */
import type { VerdictCount } from '../hypervisor/hooks.js';
import type { DmaCounts, DomainResult, HostResult, Outcome, SmmCounts } from '../hypervisor/types.js';
import { EXIT_REASON_NAMES } from '../machine/exit-reasons.js';
import type { ParameterValue, Row } from './cell.js';
import { readChecksums } from './checksums.js';
import { describeOutcome } from './expect.js';
import type { DomainSpec, Scenario } from './scenario.js';

export interface Column {
  readonly name: string;
  readonly type: 'number' | 'text' | 'boolean';
  readonly unit?: string;
  readonly about: string;
}

/** A column with its value in a result. */
interface Filled<Source extends readonly unknown[]> extends Column {
  readonly value: (...source: Source) => ParameterValue;
}

/** A domain that another made has no specification. */
type OfDomain = [result: DomainResult, spec: DomainSpec | undefined];
type OfHost = [domains: readonly Counts[], host: HostCounts, scenario: Scenario];

/** What columns of a host are made of. */
export type Counts = Pick<DomainResult, 'retired' | 'cycles' | 'exitsTotal' | 'tlbMisses' | 'walkGuest' | 'walkEpt'>;
export type HostCounts = Omit<HostResult['deterministic'], 'domains' | 'audit'>;

function number<S extends readonly unknown[]>(
  name: string,
  unit: string,
  about: string,
  value: (...source: S) => number,
): Filled<S> {
  return { name, type: 'number', unit, about, value };
}

function text<S extends readonly unknown[]>(name: string, about: string, value: (...source: S) => string): Filled<S> {
  return { name, type: 'text', about, value };
}

/** `ept-violation` → `exits_ept_violation` */
export const exitColumn = (reason: string): string => `exits_${reason.replaceAll('-', '_')}`;

/** One word: the reason of a shutdown, else the kind. */
function outcomeWord(outcome: Outcome): string {
  return outcome.kind === 'shutdown' && outcome.reason !== 'other' ? outcome.reason : outcome.kind;
}

function translationWord(translation: DomainSpec['translation']): string {
  return translation.kind === 'direct' ? 'direct' : `ept-${translation.pageSize}`;
}

const checksums = (console: Uint8Array): string =>
  readChecksums(console)
    .map(([name, checksum]) => `${name}=${checksum}`)
    .join(' ');

const verdicts = ({ hooks }: DomainResult, kind: keyof VerdictCount): number =>
  Object.values(hooks).reduce((total, count) => total + count[kind], 0);

const SMM_COLUMNS: readonly (readonly [string, string, string, (counts: SmmCounts) => number])[] = [
  ['fills', 'pages', 'pages brought into the SMM buffer', (c) => c.fills],
  ['decrypts', 'pages', 'of them, decrypted; the others were never written', (c) => c.decrypts],
  ['write_backs', 'pages', 'pages encrypted and written to DRAM', (c) => c.writeBacks],
  ['clean_drops', 'pages', 'slots dropped that needed no write-back', (c) => c.cleanDrops],
  ['evictions', 'pages', 'slots that made room for others', (c) => c.evictions],
  ['macs', 'MACs', 'MACs computed', (c) => c.macs],
  ['tree_nodes', 'nodes', 'nodes of the counter tree hashed', (c) => c.treeNodes],
  ['rekeys', 'keys', 'keys replaced because their counters were used up', (c) => c.rekeys],
  ['permission', 'violations', 'accesses refused by the page permission table', (c) => c.violations.permission],
  ['context', 'violations', 'runs refused because the unit was not told', (c) => c.violations.context],
  ['integrity', 'violations', 'pages whose MAC did not match', (c) => c.violations.integrity],
  ['freshness', 'violations', 'pages whose counter was not the last one', (c) => c.violations.freshness],
];

const DMA_COLUMNS: readonly (readonly [string, string, string, (counts: DmaCounts) => number])[] = [
  ['disk_requests', 'requests', 'requests that its disk carried out', (c) => c.requests],
  ['dma_reads', 'accesses', 'accesses by which its disk read memory, those of the queue included', (c) => c.reads],
  ['dma_read_bytes', 'bytes', 'bytes that its disk read from memory', (c) => c.readBytes],
  ['dma_writes', 'accesses', 'accesses by which its disk wrote memory', (c) => c.writes],
  ['dma_write_bytes', 'bytes', 'bytes that its disk wrote to memory', (c) => c.writeBytes],
  ['dma_faults', 'accesses', 'accesses of its disk that were refused', (c) => c.faults],
];

/** Columns of a domain's row, in the order of the row. All deterministic. */
export const DOMAIN_COLUMNS: readonly Filled<OfDomain>[] = [
  text('name', 'the domain, counts expanded', (r) => r.name),
  text('guest', 'as the scenario names it', (r, spec) => spec?.guest ?? r.imageName),
  text('image_sha256', 'hash of the image', (r) => r.imageSha256),
  number('memory', 'bytes', 'guest-physical memory', (r) => r.memoryBytes),
  number('pcpu', '', 'physical CPU that ran it', (r) => r.pcpu),
  text('translation', 'ept-4k, ept-2m, ept-1g or direct', (r) => translationWord(r.translation)),
  text('outcome', 'how it ended: poweroff, crash, triple-fault, ept-violation, limit …', (r) => outcomeWord(r.outcome)),
  text('outcome_detail', 'the outcome with its address, vector or reason, for people', (r) =>
    describeOutcome(r.outcome),
  ),
  number('eip', '', 'EIP where it ended', (r) => r.eip),
  number(
    'retired',
    'instructions',
    'instructions retired; a repeated string instruction counts each iteration',
    (r) => r.retired,
  ),
  number(
    'inherited',
    'instructions',
    'of them, those taken over from the domain that it was forked from',
    (r) => r.inherited,
  ),
  number('cycles', 'cycles', 'modelled cycles: sum of events times cost table', (r) => r.cycles),
  number('clock', 'cycles', "the domain's clock at its end: cycles and idle time", (r) => r.clock),
  number(
    'context_switches',
    'switches',
    'times that a physical CPU switched to it; neighbours change it',
    (r) => r.scheduling.contextSwitches,
  ),
  number(
    'preemptions',
    'switches',
    'of the switches from it, those to make room for one that woke',
    (r) => r.scheduling.preemptions,
  ),
  number(
    'waited',
    'cycles',
    'cycles of its physical CPU that it was runnable and did not run',
    (r) => r.scheduling.waited,
  ),
  number('wakeups', 'wake-ups', 'times that it woke', (r) => r.scheduling.wakeups),
  number('wake_latency', 'cycles', 'sum of the cycles between waking and running', (r) => r.scheduling.wakeLatency),
  number('wake_latency_max', 'cycles', 'longest time between waking and running', (r) => r.scheduling.wakeLatencyMax),
  number('exits', 'exits', 'VM exits, all reasons', (r) => r.exitsTotal),
  number('tlb_misses', 'misses', 'TLB look-ups that needed a walk', (r) => r.tlbMisses),
  number('stlb_hits', 'hits', 'L1 TLB look-ups that the second-level TLB answered', (r) => r.stlbHits),
  number('tlb_flushes', 'flushes', 'whole-TLB invalidations', (r) => r.tlbFlushes),
  number('walk_guest', 'references', 'references to guest page-table entries', (r) => r.walkGuest),
  number('walk_ept', 'references', 'references to EPT entries', (r) => r.walkEpt),
  number('exceptions', 'exceptions', 'exceptions delivered', (r) => r.exceptions),
  number('interrupts', 'interrupts', 'interrupts delivered', (r) => r.interrupts),
  number('page_faults', 'exceptions', 'of the exceptions, #PF', (r) => r.pageFaults),
  number('pages', 'pages', 'frames given to the guest, 4 KiB each', (r) => r.pages),
  text('protection', "how the SMM protected the domain's memory", (r) => r.protection),
  ...SMM_COLUMNS.map(([name, unit, about, value]) => number<OfDomain>(`smm_${name}`, unit, about, (r) => value(r.smm))),
  ...DMA_COLUMNS.map(([name, unit, about, value]) => number<OfDomain>(name, unit, about, (r) => value(r.dma))),
  text('disk_sha256', "hash of its disk's sectors at the end; empty without a disk", (r) => r.diskSha256),
  number('table_pages', 'pages', 'frames its EPT used', (r) => r.tablePages),
  number(
    'copied_pages',
    'pages',
    'pages that it shared, as a fork or by page sharing, and then wrote: each was copied',
    (r) => r.copiedPages,
  ),
  number(
    'merged_pages',
    'pages',
    "pages that were equal to another domain's and became one frame",
    (r) => r.mergedPages,
  ),
  number('permitted', 'operations', 'operations that the security hooks permitted it', (r) => verdicts(r, 'permitted')),
  number('denied', 'operations', 'operations that they denied it', (r) => verdicts(r, 'denied')),
  text('checksums', 'what it printed as @name and =xxxxxxxx: name=xxxxxxxx …', (r) => checksums(r.console)),
  text('state_sha256', 'hash of registers and guest memory at the end', (r) => r.stateHash),
  text('console_sha256', 'hash of the console', (r) => r.consoleSha256),
  number(
    'console_bytes',
    'bytes',
    'length of the console, dropped bytes included',
    (r) => r.console.length + r.consoleDropped,
  ),
  ...[...EXIT_REASON_NAMES.values()].map((reason) =>
    number<OfDomain>(exitColumn(reason), 'exits', `VM exits with the reason ${reason}`, (r) => r.exits[reason] ?? 0),
  ),
];

const total = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0);
const sum = (domains: readonly Counts[], value: (domain: Counts) => number): number => total(domains.map(value));

/** Columns of a cell's host. All deterministic. */
export const HOST_COLUMNS: readonly Filled<OfHost>[] = [
  number('pcpus', '', 'physical CPUs', (_, __, { host }) => host.pcpus),
  number('domains', '', 'domains, counts expanded', (domains) => domains.length),
  number('quanta', 'quanta', 'quanta of virtual time that were run', (_, { quanta }) => quanta),
  number(
    'virtual_ns',
    'ns',
    'virtual time at the end, of the physical CPU that got farthest',
    (_, { pcpuCycles }, { host }) => Math.round((Math.max(0, ...pcpuCycles) / host.frequencyHz) * 1e9),
  ),
  number('busy_cycles', 'cycles', 'cycles that physical CPUs ran guests', (_, host) => total(host.pcpuBusyCycles)),
  number('context_switches', 'switches', 'context switches of all physical CPUs; going idle is none', (_, host) =>
    total(host.pcpuContextSwitches),
  ),
  number('switch_cycles', 'cycles', 'cycles that they took, which no domain is charged for', (_, host) =>
    total(host.pcpuSwitchCycles),
  ),
  number(
    'shared_pages',
    'pages',
    'page sharing: pages that became common frames',
    (_, host) => host.pageSharing.merged,
  ),
  number(
    'unshared_pages',
    'pages',
    'of them, those copied because they were written',
    (_, host) => host.pageSharing.unshared,
  ),
  number(
    'saved_frames',
    'frames',
    'frames that page sharing saved, after the pass that saved most',
    (_, host) => host.pageSharing.savedMost,
  ),
  number('retired', 'instructions', 'sum over the domains', (domains) => sum(domains, (each) => each.retired)),
  number('cycles', 'cycles', 'sum over the domains', (domains) => sum(domains, (each) => each.cycles)),
  number('exits', 'exits', 'sum over the domains', (domains) => sum(domains, (each) => each.exitsTotal)),
  number('tlb_misses', 'misses', 'sum over the domains', (domains) => sum(domains, (each) => each.tlbMisses)),
  number('walk_references', 'references', 'sum over the domains, guest and EPT', (domains) =>
    sum(domains, ({ walkGuest, walkEpt }) => walkGuest + walkEpt),
  ),
];

/** Columns that differ from run to run. */
export const WALL_COLUMNS: readonly Column[] = [
  { name: 'total_ms', type: 'number', unit: 'ms', about: 'real time of the cell in its worker' },
  {
    name: 'boot_ms',
    type: 'number',
    unit: 'ms',
    about: 'of it, laying out memory and starting (or restoring) the domains',
  },
  { name: 'run_ms', type: 'number', unit: 'ms', about: 'of it, running guests' },
  { name: 'mips', type: 'number', unit: 'MIPS', about: 'instructions retired in run_ms, per microsecond' },
  { name: 'memory', type: 'number', unit: 'bytes', about: 'flat memory of the host' },
  { name: 'restored', type: 'number', about: '1: the cell went on from a boot that it shares with others' },
];

/** DOMAIN_COLUMNS for every domain. An exit reason without a name adds a column of its own. */
export function domainRows(scenario: Scenario, results: readonly DomainResult[]): Row[] {
  return results.map((result) => {
    const row: Record<string, ParameterValue> = {};
    for (const { name, value } of DOMAIN_COLUMNS) row[name] = value(result, scenario.domains[result.template]);
    for (const [reason, count] of Object.entries(result.exits)) row[exitColumn(reason)] = count;
    return row;
  });
}

/** HOST_COLUMNS. */
export function hostRow(scenario: Scenario, host: HostCounts, domains: readonly Counts[]): Row {
  return Object.fromEntries(HOST_COLUMNS.map(({ name, value }) => [name, value(domains, host, scenario)]));
}
