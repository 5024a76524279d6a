import { describe, expect, it } from 'vitest';
import { Core, coreModule } from '../../src/machine/core.js';
import { costTableProblems, costWeights, DEFAULT_COST_TABLE, eventNames } from '../../src/machine/cost-table.js';
import { EXIT_REASON_NAMES } from '../../src/machine/exit-reasons.js';

const { layout } = new Core(coreModule(), new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true }));
const line = (event: string, cycles: number, source = 'test') => ({ event, cycles, source });
const sound = DEFAULT_COST_TABLE.lines;

describe('cost table', () => {
  it('has a sound default with a source per line', () => {
    expect(costTableProblems(DEFAULT_COST_TABLE)).toEqual([]);
    for (const { source } of sound) expect(source.length).toBeGreaterThan(10);
  });

  it('prices every exit reason: by its own line or by `exit`', () => {
    const weights = costWeights(DEFAULT_COST_TABLE, layout);
    for (const [reason, name] of EXIT_REASON_NAMES) {
      const own = sound.find((l) => l.event === `exit:${name}`) ?? sound.find((l) => l.event === 'exit');
      expect(weights[layout.COUNTER_EXIT + reason], name).toBe(own?.cycles);
    }
    expect(weights[layout.COUNTER_RETIRED]).toBe(1);
    expect(weights[layout.COUNTER_EXIT_CYCLES]).toBe(1);
  });

  it('finds unknown events, duplicates, bad numbers and missing sources', () => {
    const problems = (lines: readonly ReturnType<typeof line>[]) => costTableProblems({ name: 't', lines }).join('\n');
    expect(problems([...sound, line('tlb-mis', 1)])).toMatch(/unknown event 'tlb-mis'; known are .*tlb-miss/);
    expect(problems([...sound, line('retired', 1)])).toMatch(/'retired' has two lines/);
    expect(problems([...sound, line('exit:hlt', 1.5)])).toMatch(/'exit:hlt' must be an integer/);
    expect(problems([...sound, line('exit:hlt', 5, ' ')])).toMatch(/no source/);
    expect(problems([])).toMatch(/no line for 'retired'/);
  });

  it('refuses a table in which a guest could run for ever at one instant', () => {
    for (const event of ['retired', 'exception', 'interrupt', 'exit']) {
      const free = sound.map((l) => (l.event === event ? { ...l, cycles: 0 } : l));
      expect(costTableProblems({ name: 't', lines: free }).length, event).toBe(1);
      const absent = sound.filter((l) => l.event !== event);
      expect(costTableProblems({ name: 't', lines: absent }).length, event).toBe(1);
    }
  });

  it('names every event that it accepts', () => {
    for (const event of eventNames()) {
      const rest = sound.filter((l) => l.event !== event);
      expect(costTableProblems({ name: 't', lines: [...rest, line(event, 7)] })).toEqual([]);
    }
  });
});
