/** The results as a table for people. */
import { type DomainRecord, describeOutcome, type Experiment, oneLine, type Scenario } from '../index.js';

export type Paint = (text: string, colour: keyof typeof COLOURS) => string;

/** ECMA-48 8.3.117, SGR. */
const COLOURS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

export const painter = (colour: boolean): Paint =>
  colour ? (text, name) => `\u001b[${COLOURS[name]}m${text}\u001b[0m` : (text) => text;

/** 1234567 → `1,234,567`, whatever the locale. */
export function grouped(number: number): string {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Nanoseconds of virtual or real time, for reading: `12.3 ms`, `4 min 10 s`. */
export function duration(ns: number): string {
  if (ns >= 120e9) return `${Math.floor(ns / 60e9)} min ${Math.floor((ns % 60e9) / 1e9)} s`;
  const units = [
    ['s', 1e9],
    ['ms', 1e6],
    ['µs', 1e3],
  ] as const;
  for (const [unit, factor] of units) {
    const value = ns / factor;
    if (value >= 1) return `${value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)} ${unit}`;
  }
  return `${Math.round(ns)} ns`;
}

/** How a domain ended; where, unless it left in good order. */
function ending(domain: DomainRecord): string {
  const text = oneLine(describeOutcome(domain.outcome));
  const inOrder = domain.outcome.kind === 'shutdown' && domain.outcome.reason === 'poweroff';
  return inOrder ? text : `${text} at 0x${domain.eip.toString(16).padStart(8, '0')}`;
}

const HEADINGS = ['domain', 'outcome', 'retired', 'cycles', 'exits', 'TLB misses', 'walk refs', 'MIPS', 'claims'];
const LEFT = new Set([0, 1, 8]); // columns of text; the others are numbers

function layOut(rows: readonly (readonly string[])[]): string[] {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (LEFT.has(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** The table, the totals and the fingerprint. */
export function renderTable(scenario: Scenario, experiment: Experiment, paint: Paint): string {
  const { deterministic, wallClock, fingerprint, failedClaims } = experiment.results;
  const failed = new Set(failedClaims.map((claim) => claim.domain));
  const claims = (index: number, name: string): string => {
    if (scenario.domains[index]?.expect === undefined) return '-';
    return failed.has(name) ? 'FAILED' : 'ok';
  };
  const rows = deterministic.domains.map((domain, index) => [
    domain.name,
    ending(domain),
    grouped(domain.retired),
    grouped(domain.cycles),
    grouped(domain.exitsTotal),
    grouped(domain.tlbMisses),
    grouped(domain.walkGuest + domain.walkEpt),
    (wallClock.domains[index]?.mips ?? 0).toFixed(0),
    claims(index, domain.name),
  ]);
  const { totals } = deterministic;
  const total = [
    ...['total', '', grouped(totals.retired), grouped(totals.cycles), grouped(totals.exits)],
    ...[grouped(totals.tlbMisses), grouped(totals.walkReferences), wallClock.mips.toFixed(0), ''],
  ];
  const lines = layOut([HEADINGS, ...rows, total]);
  const [heading = '', ...body] = lines;
  const last = body.pop() ?? '';
  const painted = body.map((line, index) => {
    const domain = deterministic.domains[index];
    if (domain !== undefined && failed.has(domain.name)) return paint(line, 'red');
    return domain?.outcome.kind === 'shutdown' && domain.outcome.reason === 'poweroff' ? line : paint(line, 'yellow');
  });
  const rule = paint('─'.repeat(Math.max(...lines.map((line) => line.length))), 'dim');
  return [
    paint(scenario.title, 'bold'),
    '',
    ...[paint(heading, 'bold'), rule, ...painted, rule, last],
    '',
    ...summary(scenario, experiment, paint),
    `fingerprint  ${paint(fingerprint, 'bold')}`,
    '',
  ].join('\n');
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function summary(scenario: Scenario, experiment: Experiment, paint: Paint): string[] {
  const { deterministic, wallClock, failedClaims } = experiment.results;
  const { host, domains } = scenario;
  const virtual = (Math.max(0, ...deterministic.pcpuCycles) / host.frequencyHz) * 1e9;
  const withClaims = domains.filter((domain) => domain.expect !== undefined).length;
  const named = failedClaims.filter((claim) => claim.domain !== '');
  const failed = new Set(named.map((claim) => claim.domain)).size;
  const whole = scenario.claims?.length ?? 0;
  const wrong = failedClaims.length - named.length;
  const verdicts: string[] = [];
  if (withClaims > 0) {
    const bad = paint(`${failed} of ${withClaims} domains failed`, 'red');
    verdicts.push(failed > 0 ? bad : `${withClaims} of ${withClaims} domains ok`);
  }
  if (whole > 0) {
    const bad = paint(`${wrong} of ${whole} conditions failed`, 'red');
    verdicts.push(wrong > 0 ? bad : `${whole} of ${whole} conditions hold`);
  }
  const what = [
    plural(domains.length, 'domain'),
    `${plural(host.pcpus, 'physical CPU')}`,
    plural(wallClock.workers, 'worker'),
    `${duration(virtual)} of virtual time`,
  ];
  return [
    `host         ${what.join(', ')}`,
    `memory       ${wallClock.memoryMiB.toFixed(0)} MiB, ${wallClock.memoryMiBPerDomain.toFixed(2)} MiB per domain`,
    `time         ${duration(wallClock.totalMs * 1e6)}, of it start ${duration(wallClock.startMsPerDomain * 1e6)} per domain`,
    `claims       ${verdicts.length === 0 ? 'none' : verdicts.join(', ')}`,
  ];
}
