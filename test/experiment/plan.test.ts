import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { identifyPlan, parsePlan, readPlan } from '../../src/experiment/plan.js';
import { ScenarioError } from '../../src/experiment/problem.js';
import { repeatSeed, repeatSeeds } from '../../src/experiment/sweep.js';
import { context } from './catalogue.js';

const folder = mkdtempSync(join(tmpdir(), 'ringfence-plan-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const parse = (text: string) => parsePlan('s.yaml', text, [], context);

function problems(act: () => unknown): string[] {
  try {
    act();
  } catch (error) {
    if (error instanceof ScenarioError) return error.message.replaceAll(`${folder}/`, '').split('\n');
    throw error;
  }
  return [];
}

const base = 'domains:\n  a: {guest: sieve}\n  b-0: {guest: hello}\n';
const swept = (text: string): (string | number | boolean)[][] =>
  parse(base + text).points.map(({ parameters }) => Object.values(parameters));

describe('a sweep', () => {
  it('of a grid makes every combination, the last varies fastest', () => {
    expect(swept('sweep: {grid: {host.pcpus: [1, 2], domains.a.memory: [4MiB, 8MiB]}}\n')).toEqual([
      [1, 4 * 1024 ** 2],
      [1, 8 * 1024 ** 2],
      [2, 4 * 1024 ** 2],
      [2, 8 * 1024 ** 2],
    ]);
  });

  it('writes the values into the scenarios, and nothing else', () => {
    const { points } = parse(
      `${base}sweep: {list: [{domains.*.memory: 4MiB}, {domains.b-0.translation: {page: 2m}}]}\n`,
    );
    const plain = parse(base).points[0]!.scenario;
    expect(points.map(({ scenario }) => scenario.domains.map(({ memoryBytes }) => memoryBytes))).toEqual([
      [4 * 1024 ** 2, 4 * 1024 ** 2],
      [16 * 1024 ** 2, 16 * 1024 ** 2],
    ]);
    expect(points[1]?.scenario.domains[1]?.translation).toEqual({ kind: 'ept', pageSize: '2m', accessedDirty: true });
    expect({ ...points[1]?.scenario.domains[0] }).toEqual(plain.domains[0]);
  });

  it('has ranges with units that add and multiply', () => {
    const steps = (spec: string) => swept(`sweep: {grid: {${spec}}}\n`).flat();
    expect(steps('host.pcpus: {from: 1, to: 7, step: 3}')).toEqual([1, 4, 7]);
    expect(
      steps('domains.a.memory: {from: 4MiB, to: 32MiB, times: 2}').map((bytes) => Number(bytes) / 1024 ** 2),
    ).toEqual([4, 8, 16, 32]);
    expect(steps('limits.time: {from: 10ms, to: 30ms, step: 10ms}')).toEqual([10e6, 20e6, 30e6]);
  });

  it('zips lists, multiplies kinds, and names columns', () => {
    const { parameters, points } = parse(
      `${base}sweep:\n  grid: {host.pcpus: {as: cpus, values: [1, 2]}}\n  zip: {domains.a.memory: [4MiB, 8MiB], domains.a.cmdline: [x, y]}\n`,
    );
    expect(parameters).toEqual([
      { name: 'cpus', path: 'host.pcpus', type: 'number' },
      { name: 'domains.a.memory', path: 'domains.a.memory', type: 'number', unit: 'bytes' },
      { name: 'domains.a.cmdline', path: 'domains.a.cmdline', type: 'text' },
    ]);
    expect(points.map(({ parameters: { cpus, 'domains.a.cmdline': text } }) => `${cpus}${text}`)).toEqual([
      '1x',
      '1y',
      '2x',
      '2y',
    ]);
  });

  it('draws at random: the same for the same seed, no combination twice, within bounds', () => {
    const draw = (seed: number) =>
      swept(
        `sweep: {random: {count: 40, seed: ${seed}, values: {host.pcpus: {from: 1, to: 64}, domains.a.max-instructions: {from: 1k, to: 1G, scale: log}}}}\n`,
      );
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(new Set(draw(1).map(String)).size).toBe(40);
    for (const [cpus, limit] of draw(3)) {
      expect(cpus).toBeGreaterThanOrEqual(1);
      expect(cpus).toBeLessThanOrEqual(64);
      expect(limit).toBeGreaterThanOrEqual(1000);
      expect(limit).toBeLessThanOrEqual(1e9);
    }
    const sizes = swept(
      'sweep: {random: {count: 9, values: {domains.a.memory: {from: 4MiB, to: 64MiB, step: 4KiB, scale: log}}}}\n',
    ).map(([size]) => Number(size));
    expect(sizes.map((size) => size % 4096)).toEqual(Array(9).fill(0));
    expect(new Set(sizes).size).toBe(9);
    const logs = draw(3).map(([, limit]) => Math.log10(Number(limit)));
    expect(logs.filter((log) => log < 6).length).toBeGreaterThan(8); // half of them, were there no chance
  });

  it('of a long list is made in time that grows with its length, not with the square of it', {
    timeout: 60_000,
  }, () => {
    const list = Array.from({ length: 10_000 }, (_, index) => `    - {host.seed: ${index}}\n`);
    expect(parse(`${base}sweep:\n  list:\n${list.join('')}`).points).toHaveLength(10_000);
  });

  it("repeats with seeds of its own; repeat 0 has the scenario's", () => {
    const { points, repeats } = parse(`host: {seed: 7}\n${base}repeat: 3\n`);
    expect(repeats).toBe(3);
    expect(points.map(({ repeat, scenario }) => [repeat, scenario.host.seed])).toEqual([
      [0, 7],
      [1, repeatSeed(7, 1)],
      [2, repeatSeed(7, 2)],
    ]);
    const many = repeatSeeds(7, 100_000);
    expect(new Set(many).size).toBe(100_000);
    expect(many.slice(0, 1000)).toEqual(repeatSeeds(7, 1000)); // more repeats change none of the first
  });

  it.each([
    [
      'a path that does not exist',
      'sweep: {grid: {host.pcpu: [1]}}',
      /^s\.yaml:4:16: sweep\.grid: host\.pcpu: there is no 'pcpu', did you mean 'pcpus'/,
    ],
    [
      'a domain that does not exist',
      'sweep: {grid: {domains.c.memory: [4MiB]}}',
      /^s\.yaml:4:16: .*nothing is called 'c'.*allowed: a, b-0, or \* for all/,
    ],
    ['what changes no result', 'sweep: {grid: {host.workers: [1]}}', /changes no result/],
    ['a name that JavaScript knows', 'sweep: {grid: {host.constructor: [1]}}', /there is no 'constructor'/],
    ['a name that is none', 'sweep: {grid: {__proto__: [1]}}', /^s\.yaml:4:16: '__proto__' cannot be a key/],
    ['who encrypts', 'sweep: {grid: {host.smm.backend: [wasm, host]}}', /changes no result/],
    ['a part that is no value', 'sweep: {grid: {host: [1]}}', /has parts/],
    [
      'a wrong value, at its place',
      'sweep: {grid: {domains.a.memory: [4MiB,\n  5GiB]}}',
      /^s\.yaml:5:3: domains\.a\.memory: '5GiB' is too large/,
    ],
    [
      'lists of two lengths',
      'sweep: {zip: {host.pcpus: [1, 2], domains.a.memory: [4MiB]}}',
      /s\.yaml:4:35: .*has 1 values, host\.pcpus has 2/,
    ],
    [
      'one place twice',
      'sweep: {grid: {domains.a.memory: [4MiB], "domains.*.memory": [8MiB]}}',
      /sets the same value as 'domains\.a\.memory'/,
    ],
    [
      'a range without a step',
      'sweep: {grid: {host.pcpus: {from: 1, to: 4}}}',
      /s\.yaml:4:16: .*has no steps; allowed: step or times/,
    ],
    ['a range the wrong way', 'sweep: {grid: {host.pcpus: {from: 4, to: 1, step: 1}}}', /1 is less than 4/],
    [
      'an unknown key',
      'sweep: {gird: {}}',
      /^s\.yaml:4:9: sweep: unknown key 'gird', did you mean 'grid'\?; allowed: grid, zip, list, random/,
    ],
    [
      'too many cells',
      'sweep: {grid: {host.seed: {from: 0, to: 50000, step: 1}, host.pcpus: [1, 2]}}\nrepeat: 2',
      /makes 200004 cells|has 100002 combinations/,
    ],
    [
      'more draws than there are',
      'sweep: {random: {count: 5, values: {host.pcpus: [1, 2]}}}',
      /only 2 different combinations/,
    ],
    ['no values', 'sweep: {grid: {host.pcpus: []}}', /has no value/],
    ['a wrong repeat', 'repeat: 0', /^s\.yaml:4:9: repeat: 0 is too small/],
  ])('refuses %s', (_, text, message) => {
    const told = problems(() => parse(`${base}${text}\n`));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(message);
    expect(told[0]).toMatch(/; allowed: ./);
  });

  it('gives ids that depend on what is run and on nothing else', () => {
    const image = write('guest.elf', 'one');
    const table = { name: 't', lines: [] };
    const ids = (more: string, host = '') => {
      const text = `title: T\n${host}domains:\n  a: {guest: ${image}, cmdline: x}\nsweep: {grid: {domains.a.memory: [4MiB, 8MiB]}}\n${more}`;
      return identifyPlan(parsePlan(join(folder, 's.yaml'), text, [], context), table).cells.map(({ cell }) => cell.id);
    };
    const first = ids('');
    expect(new Set(first).size).toBe(2);
    expect(ids('description: other\nlimits: {cell-time: 1s}\nexpect: [{claim: c, that: host.quanta > 0}]\n')).toEqual(
      first,
    );
    expect(ids('', 'host: {workers: 3}\n')).toEqual(first);
    expect(ids('repeat: 2\n').filter((id) => first.includes(id))).toEqual(first);
    expect(ids('', 'host: {seed: 2}\n').some((id) => first.includes(id))).toBe(false);
    write('guest.elf', 'two');
    expect(ids('').some((id) => first.includes(id))).toBe(false);
    expect(problems(() => ids('').concat(ids('', 'host: {}\n')))).toEqual([]);
    const twice = `domains: {a: {guest: ${image}}}\nsweep: {grid: {domains.a.memory: [8MiB, 8192KiB]}}\n`;
    expect(problems(() => identifyPlan(parsePlan('s.yaml', twice, [], context), table))[0]).toMatch(
      /cells 0 and 1 are the same run/,
    );
  });
});

describe('templates', () => {
  it('give what the domain does not say: own, then later, then earlier', () => {
    const text = `templates:
  base: {memory: 8MiB, cmdline: base, translation: {page: 2m, accessed-dirty: false}}
  other: {use: base, cmdline: other, max-instructions: 5M}
domains:
  a: {guest: sieve, use: base, cmdline: own}
  b: {guest: hello, use: [other, base]}
  c: {guest: hello, use: [base, other], translation: {page: 4k}}
`;
    const [a, b, c] = parse(text).points[0]!.scenario.domains;
    expect([a?.memoryBytes, a?.cmdline, a?.translation]).toEqual([
      8 * 1024 ** 2,
      'own',
      { kind: 'ept', pageSize: '2m', accessedDirty: false },
    ]);
    expect([b?.cmdline, b?.maxInstructions]).toEqual(['base', 5e6]);
    expect([c?.cmdline, c?.translation]).toEqual(['other', { kind: 'ept', pageSize: '4k', accessedDirty: false }]);
  });

  it('may give the guest, may be swept and set', () => {
    const text = 'templates: {t: {guest: sieve, memory: 4MiB}}\ndomains: {a: {use: t}, b: {use: t}}\n';
    expect(parse(text).points[0]!.scenario.domains.map(({ guest }) => guest)).toEqual(['sieve', 'sieve']);
    const sweeping = parse(`${text}sweep: {grid: {templates.t.memory: [4MiB, 8MiB]}}\n`);
    expect(sweeping.points.map(({ scenario }) => scenario.domains[1]!.memoryBytes / 1024 ** 2)).toEqual([4, 8]);
    const set = parsePlan('s.yaml', text, ['templates.t.memory=16MiB'], context);
    expect(set.points[0]!.scenario.domains[0]!.memoryBytes).toBe(16 * 1024 ** 2);
  });

  it.each([
    [
      'unknown',
      'templates: {t: {}}\ndomains: {a: {guest: sieve, use: tt}}',
      /^s\.yaml:2:34: domains\.a\.use: no template 'tt', did you mean 't'/,
    ],
    [
      'in a circle',
      'templates:\n  a: {use: b}\n  b: {use: a}\ndomains: {x: {guest: sieve, use: a}}',
      /templates use each other: a → b → a/,
    ],
    [
      'with a mistake, told once',
      'templates: {t: {memory: 1GB}}\ndomains: {a: {guest: sieve, use: t}, b: {guest: hello, use: t}}',
      /^s\.yaml:1:25: templates\.t\.memory: '1GB' is not a size/,
    ],
    [
      'with a mistake that nobody uses',
      'templates: {t: {memry: 4MiB}}\ndomains: {a: {guest: sieve}}',
      /^s\.yaml:1:17: templates\.t: unknown key 'memry'/,
    ],
  ])('are refused when %s', (_, text, message) => {
    const told = problems(() => parse(`${text}\n`));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(message);
  });
});

describe('include', () => {
  it('takes files over: maps merge, own values win, later files win, paths start at the file that says them', () => {
    write('lib/guest.elf', 'x');
    write(
      'lib/base.yaml',
      'host: {pcpus: 8, seed: 5}\ntemplates: {t: {guest: ./guest.elf, memory: 8MiB}}\ndomains: {first: {use: t}}\n',
    );
    write('lib/late.yaml', 'include: base.yaml\nhost: {pcpus: 6}\n');
    const file = write(
      'main.yaml',
      'include: [lib/base.yaml, lib/late.yaml]\nhost: {seed: 9}\ndomains: {own: {guest: sieve}}\n',
    );
    const { scenario } = readPlan(file, [], context).points[0]!;
    expect([scenario.host.pcpus, scenario.host.seed]).toEqual([6, 9]);
    expect(scenario.domains.map(({ name, path }) => [name, path.replace(folder, '')])).toEqual([
      ['first', '/lib/guest.elf'],
      ['own', '/guests/sieve.elf'],
    ]);
    const { included } = readPlan(file, [], context);
    expect(Object.keys(included).sort()).toEqual(['lib/base.yaml', 'lib/late.yaml']);
    expect(included['lib/late.yaml']).toBe('include: base.yaml\nhost: {pcpus: 6}\n');
    const far = write('far/main.yaml', `include: ${join(folder, 'lib/base.yaml')}\n`);
    expect(readPlan(far, [], context).points[0]!.scenario.host.pcpus).toBe(8);
  });

  it.skipIf(!existsSync('/dev/zero'))('and scenarios of files that never end are refused', () => {
    const [told] = problems(() => readPlan(write('zero.yaml', 'include: /dev/zero\n'), [], context));
    expect(told).toMatch(/^zero\.yaml:1:10: '\/dev\/zero': the file has more than \d+ bytes/);
    expect(problems(() => readPlan('/dev/zero', [], context))[0]).toMatch(/^\/dev\/zero: the file has more than/);
  });

  it('tells mistakes in the file that has them', () => {
    write('wrong.yaml', 'title: x\nhost:\n  pcpus: 99\ntemplates: {t: {guest: nobody}}\n');
    const file = write('uses.yaml', 'include: wrong.yaml\ndomains: {a: {use: t}}\n');
    expect(problems(() => readPlan(file, [], context))).toEqual([
      'wrong.yaml:3:10: host.pcpus: 99 is too large; allowed: an integer, 1 to 64',
      expect.stringMatching(/^wrong\.yaml:4:24: templates\.t\.guest: no guest 'nobody'/),
    ]);
  });

  it('refuses circles, with the way round, files that are not there, and broken ones', () => {
    write('a.yaml', 'include: b.yaml\n');
    write('b.yaml', 'title: b\ninclude: c.yaml\n');
    const c = write('c.yaml', 'include: a.yaml\ndomains: {x: {guest: sieve}}\n');
    expect(problems(() => readPlan(c, [], context))[0]).toMatch(
      /^b\.yaml:2:10: the file includes itself: c\.yaml → a\.yaml → b\.yaml → c\.yaml; allowed/,
    );
    const none = write('none.yaml', 'title: t\ninclude: [nowhere.yaml]\n');
    expect(problems(() => readPlan(none, [], context))[0]).toMatch(/^none\.yaml:2:11: 'nowhere\.yaml': no such file/);
    write('broken.yaml', 'host: {pcpus: 1\n');
    const broken = write('b2.yaml', 'include: broken.yaml\n');
    expect(problems(() => readPlan(broken, [], context))[0]).toMatch(/^broken\.yaml:\d+:\d+: broken YAML/);
  });
});

describe('claims', () => {
  it.each([
    [
      'a column that does not exist',
      'domains.a.retird > 1',
      /^s\.yaml:5:12: expect\.0\.that: character 1: there is no 'domains\.a\.retird', did you mean 'retired'/,
    ],
    ['a domain that does not exist', 'domains.z.retired > 1', /allowed: a, b-0/],
    ['a bare column among several domains', 'retired > 1', /allowed: domains\.<name>\.retired, all\(retired …\)/],
    ['what is no condition', '1 + 1', /is a number; allowed: a condition/],
    ['a parameter that is not swept', "param('x') == 1", /no parameter 'x'/],
  ])('about %s are refused before anything runs', (_, that, message) => {
    const told = problems(() => parse(`${base}expect:\n  - {that: "${that}", claim: c}\n`));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(message);
  });
});

describe('charts', () => {
  const memory = 'sweep: {grid: {domains.a.memory: {as: size, values: [4MiB, 8MiB]}}}\n';
  it('over columns of parameters, domains, host and real time are right', () => {
    const chart =
      "{kind: line, x: size, y: wall_run_ms, colour: name, facet: host_pcpus, where: param('size') > 1 and exits > 0}";
    expect(parse(`${base}${memory}report: {charts: [${chart}], table: [size, outcome]}\n`).report.charts).toHaveLength(
      1,
    );
  });

  it.each([
    [
      '{charts: [{kind: line, x: siz, y: cycles}]}',
      /^s\.yaml:5:35: report\.charts\.0\.x: no column 'siz', did you mean 'size'/,
    ],
    [
      "{charts: [{kind: line, x: size, y: cycles, where: outcom == 'x'}]}",
      /charts\.0\.where: character 1: there is no 'outcom'/,
    ],
    ['{charts: [{kind: matrix, x: size, y: name, words: [{when: "1 < ", word: w}]}]}', /words\.0\.when: character 5:/],
    ['{table: [size, cycle]}', /^s\.yaml:5:24: report\.table\.1: no column 'cycle', did you mean 'cycles'/],
  ])('with mistakes are refused before anything runs: %s', (report, message) => {
    const told = problems(() => parse(`${base}${memory}report: ${report}\n`));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(message);
  });
});
