/**
 * `boot:` of a scenario: swept values that hold only from the end of boot on, so that cells which differ in nothing else can
 * share their boot.
 *
 *   swept paths ─┬─ those that a running host can take over ──▶ hold when boot has ended; before it, what the scenario says
 *                └─ all others ──▶ hold from the start: cells that are equal in them form a group with one boot
 */
import type { BootOptions, HostConfig } from '../hypervisor/types.js';
import type { Path } from './document.js';
import { cyclesOf } from './host-config.js';
import type { BootSpec, DomainSpec, Scenario, Settings } from './scenario.js';

/** Paths that a running host can take over, as messages say them. */
export const LATER_PATHS = [
  'limits.time',
  'host.slice',
  'host.boost',
  'security.<n>.…',
  'domains.<name>.weight',
  'domains.<name>.cap',
  'domains.<name>.max-instructions',
  'domains.<name>.input',
] as const;

const LATER_DOMAIN = ['weight', 'cap', 'max-instructions', 'input'];

/** Whether a running host can take over the value at a path of the scenario. */
export function isLater(path: Path): boolean {
  const [top, second, third] = path.map(String);
  if (top === 'domains' || top === 'templates') return path.length === 3 && LATER_DOMAIN.includes(third ?? '');
  if (top === 'host') return path.length === 2 && (second === 'slice' || second === 'boost');
  return top === 'security' || (top === 'limits' && second === 'time');
}

/** What a domain has received at its serial port before boot ends, if its input is swept: nothing. */
export const isInput = (path: Path): boolean => path.length === 3 && path[2] === 'input';

const domainSettings = ({ weight, cap, maxInstructions, input }: DomainSpec): Settings['domains'][number] => ({
  ...(weight !== undefined && { weight }),
  ...(cap !== undefined && { cap }),
  ...(maxInstructions !== undefined && { maxInstructions }),
  ...(input !== undefined && { input }),
});

export function settingsOf({ limitNs, host, security, domains }: Scenario): Settings {
  return {
    limitNs,
    sliceNs: host.sliceNs,
    boost: host.boost,
    ...(security !== undefined && { security }),
    domains: domains.map(domainSettings),
  };
}

/** The scenario as it is until boot ends. */
export function bootScenario(whole: Scenario & { readonly boot: BootSpec }): Scenario {
  const { boot, security: _, ...scenario } = whole;
  const { limitNs, sliceNs, boost, security, domains } = boot.before;
  return {
    ...scenario,
    limitNs,
    host: { ...scenario.host, sliceNs, boost },
    ...(security !== undefined && { security }),
    domains: scenario.domains.map(({ weight: _w, cap: _c, maxInstructions: _m, input: _i, ...rest }, index) => ({
      ...rest,
      ...domains[index],
    })),
  };
}

/** What the hypervisor is told of the end of boot. @param config that of `bootScenario` */
export function bootOptions(scenario: Scenario & { readonly boot: BootSpec }, config: HostConfig): BootOptions {
  const { until } = scenario.boot;
  const { limitNs, sliceNs, boost, security, domains } = settingsOf(scenario);
  const { security: _, ...rest } = config;
  const later: HostConfig = {
    ...rest,
    limitCycles: cyclesOf(limitNs, config.frequencyHz),
    sliceCycles: cyclesOf(sliceNs, config.frequencyHz),
    boost,
    ...(security !== undefined && { security }),
    domains: config.domains.map(({ weight: _w, cap: _c, maxInstructions: _m, input: _i, ...domain }, index) => ({
      ...domain,
      ...domains[index],
    })),
  };
  if ('ns' in until) return { until: { kind: 'time', at: cyclesOf(until.ns, config.frequencyHz) }, later };
  const { domain } = until;
  if ('prints' in until) return { until: { kind: 'prints', domain, text: until.prints }, later };
  return { until: { kind: 'retired', domain, count: until.retired }, later };
}
